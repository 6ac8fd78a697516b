usage() {
	say "usage: $0 [--once] [--interval SECONDS]"
	say '  --once      look once'
	say '  --interval  seconds between two looks (30)'
	exit "$1"
}
once=0 interval=30
while [ $# -gt 0 ]; do
	case $1 in
	--once) once=1 ;;
	--interval)
		[ $# -gt 1 ] || usage 1 >&2
		interval=$2
		shift
		;;
	-h | --help) usage 0 ;;
	*) usage 1 >&2 ;;
	esac
	shift
done

# A line whenever a service changed, and at the first look.
last=''
while :; do
	look
	current=''
	number=1
	while [ "$number" -le "$count" ]; do
		"service_$number"
		find_container
		line="$service: $(verdict "$check")${vmid:+ (container $vmid on $node)}"
		case "$last" in
		*"|$line|"*) ;;
		*) say "$(date '+%Y-%m-%dT%H:%M:%S') $line" ;;
		esac
		current="$current|$line|"
		number=$((number + 1))
	done
	last=$current
	[ "$once" = 0 ] || exit 0
	sleep "$interval"
done
