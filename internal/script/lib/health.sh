usage() {
	say "usage: $0 [--comprehensive]"
	say '  --comprehensive  each TCP port too'
	exit "$1"
}
comprehensive=0
for option; do
	case $option in
	--comprehensive) comprehensive=1 ;;
	-h | --help) usage 0 ;;
	*) usage 1 >&2 ;;
	esac
done

ill=0
look
number=1
while [ "$number" -le "$count" ]; do
	"service_$number"
	find_container
	result=$(verdict)
	say "$service: $result ($check_text)"
	[ "$result" = healthy ] || ill=$((ill + 1))
	if [ "$comprehensive" = 1 ] && [ -n "$vmid" ]; then
		check_kind=tcp
		for port in $ports; do
			check="$address $port"
			say "  port $port: $(verdict)"
		done
	fi
	number=$((number + 1))
done
say "$((count - ill)) of $count healthy"
[ "$ill" = 0 ]
