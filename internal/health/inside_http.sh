# Ask for $url inside the container with whichever tool is there.
# Exit 0: 2xx or 3xx. 96: another status (both print it). 97: no tool. Else no answer.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# judge STATUS CODE: end by the status, or without one by curl's exit code.
judge() {
	case $1 in
	2?? | 3??) echo "HTTP $1"; exit 0 ;; # even if the body was cut
	[1-9]??) echo "HTTP $1"; exit 96 ;;
	esac
	[ "$2" != 22 ] || exit 96
	exit "$2"
}

ask_curl() {
	curl -q -g -f -sS -o /dev/null -w '%{http_code}' --noproxy '*' \
		--max-time "$seconds" --max-filesize 65536 ${insecure:+-k} "$@"
}

# Some wgets follow redirects and cannot be stopped; the first status counts all the
# same. Not -T: it crashes busybox 1.35.
ask_wget() {
	once='' bound=''
	command -v timeout >/dev/null 2>&1 && bound="timeout $whole_seconds"
	case $(wget --help 2>&1) in *max-redirect*) once='--max-redirect=0 --tries=1 --no-config' ;; esac
	# shellcheck disable=SC2086
	{ $bound wget -q -S -O - $once ${insecure:+--no-check-certificate} \
		"$@" 2>&3 | head -c 65536 >/dev/null; } 3>&1 |
		sed -n 's/^ *HTTP\/[0-9.]* \([2-9][0-9][0-9]\).*/\1/p' | head -n 1
}

if command -v curl >/dev/null 2>&1; then
	# As the service's own name. Some pages that listen on localhost only (Caddy's
	# admin page) refuse every other name: those are asked again as it is written.
	status=$(ask_curl -H "Host: $host" ${connect:+--connect-to "$connect"} "$named")
	code=$?
	case $status in
	400 | 403 | 421)
		status=$(ask_curl "$url")
		code=$?
		;;
	esac
	judge "$status" "$code"
fi
# A wget may verify no certificate at all, or verify the wrong name.
case $url in https:*) [ -n "$insecure" ] || exit 97 ;; esac
command -v wget >/dev/null 2>&1 || exit 97
status=$(ask_wget --header "Host: $host" "$url")
case $status in 400 | 403 | 421) status=$(ask_wget "$url") ;; esac
[ -n "$status" ] || echo "wget got no answer" >&2
judge "$status" 1
