usage() {
	say "usage: $0 [--comprehensive]"
	say '  --comprehensive  all that is known of each service, layer by layer'
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
	layers=''
	if [ "$comprehensive" = 1 ] && [ -n "$vmid" ]; then
		check_text='all layers' code=0
		layers=$(aloud=1 && check_once combine "layers_$number") || code=$?
		result=$(word "$code")
	else
		result=$(verdict "$check")
	fi
	say "$service: $result ($check_text)"
	[ -z "$layers" ] || say "$layers"
	case $result$degraded in
	healthy* | degradedproceed) ;;
	*) ill=$((ill + 1)) ;;
	esac
	number=$((number + 1))
done
say "$((count - ill)) of $count healthy"
[ "$ill" = 0 ]
