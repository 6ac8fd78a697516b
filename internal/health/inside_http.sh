# Ask for $url inside the container with whichever tool is there.
# Exit 0: 2xx or 3xx. 96: another status (both print it). 97: no tool. Else no answer.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# judge STATUS: print it and exit by it; return when there is none.
judge() {
	case $1 in
	2?? | 3??) echo "HTTP $1"; exit 0 ;;
	000 | '') return ;;
	*) echo "HTTP $1"; exit 96 ;;
	esac
}

ask_curl() {
	curl -q -g -sS -o /dev/null -w '%{http_code}' --noproxy '*' \
		--max-time "$seconds" --max-filesize 65536 ${insecure:+-k} "$@"
}

# The status is the first one: some wgets follow redirects and cannot be stopped.
ask_wget() {
	once=
	case $(wget --help 2>&1) in *max-redirect*) once='--max-redirect=0 --tries=1 --no-config' ;; esac
	# shellcheck disable=SC2086
	{ wget -q -S -O - -T "$whole_seconds" $once ${insecure:+--no-check-certificate} \
		"$@" 2>&3 | head -c 65536 >/dev/null; } 3>&1 |
		sed -n 's/^ *HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' | head -n 1
}

if command -v curl >/dev/null 2>&1; then
	# As the service's own name. Some pages that listen on localhost only (Caddy's
	# admin page) refuse every other name: those are asked again as it is written.
	status=$(ask_curl -H "Host: $host" --connect-to "$connect" "$named")
	case $status in 400 | 403 | 421) status=$(ask_curl "$url") ;; esac
	judge "$status"
	exit 1
fi
# A wget may verify no certificate at all, or verify the wrong name.
case $url in https:*) [ -n "$insecure" ] || exit 97 ;; esac
command -v wget >/dev/null 2>&1 || exit 97
status=$(ask_wget --header "Host: $host" "$url")
case $status in 400 | 403 | 421) status=$(ask_wget "$url") ;; esac
judge "$status"
echo "wget got no answer" >&2
exit 1
