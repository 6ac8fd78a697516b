# Ask for $url inside the container with whichever tool is there.
# Exit 0: 2xx or 3xx. 96: another status (both print it). 97: no tool. Else no answer.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# judge STATUS: print it and exit by it; return when there is none.
judge() {
	case $1 in
	2?? | 3??) echo "HTTP $1"; exit 0 ;;
	'') return ;;
	*) echo "HTTP $1"; exit 96 ;;
	esac
}

# status: the first final one on standard input, and no more than a bit of the body.
status() {
	head -c 65536 | LC_ALL=C sed -n 's/^ *HTTP\/[0-9.]* \([2-9][0-9][0-9]\).*/\1/p' | head -n 1
}

ask_curl() {
	curl -q -g -sS -i --noproxy '*' --max-time "$seconds" ${insecure:+-k} "$@" | status
}

# Some wgets follow redirects and cannot be stopped; the first status counts all the
# same. Not -T: it crashes busybox 1.35.
ask_wget() {
	once='' bound=''
	command -v timeout >/dev/null 2>&1 && bound="timeout $whole_seconds"
	case $(wget --help 2>&1) in *max-redirect*) once='--max-redirect=0 --tries=1 --no-config' ;; esac
	# shellcheck disable=SC2086
	{ $bound wget -q -S -O - $once ${insecure:+--no-check-certificate} \
		"$@" 2>&3 | head -c 65536 >/dev/null; } 3>&1 | status
}

if command -v curl >/dev/null 2>&1; then
	# As the service's own name. Some pages that listen on localhost only (Caddy's
	# admin page) refuse every other name: those are asked again as it is written.
	code=$(ask_curl -H "Host: $host" --connect-to "$connect" "$named")
	case $code in 400 | 403 | 421) code=$(ask_curl "$url") ;; esac
	judge "$code"
	exit 1
fi
# A wget may verify no certificate at all, or verify the wrong name.
case $url in https:*) [ -n "$insecure" ] || exit 97 ;; esac
command -v wget >/dev/null 2>&1 || exit 97
code=$(ask_wget --header "Host: $host" "$url")
case $code in 400 | 403 | 421) code=$(ask_wget "$url") ;; esac
judge "$code"
echo "wget got no answer" >&2
exit 1
