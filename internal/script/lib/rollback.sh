usage() {
	say "usage: $0 [--dry-run] [--destroy]"
	say '  --dry-run  say what would be done, and do nothing'
	say '  --destroy  destroy containers and data of services whose deletionPolicy is Delete; others are kept all the same'
	exit "$1"
}
destroy=0
for option; do
	case $option in
	--dry-run) dry_run=1 ;;
	--destroy) destroy=1 ;;
	-h | --help) usage 0 ;;
	*) usage 1 >&2 ;;
	esac
done

take_down() {
	find_container
	if [ -z "$vmid" ]; then
		say "$service: no container"
		return
	fi
	if [ "$(state)" = running ]; then
		say "$service: shut container $vmid down"
		if [ "$node" = "$here" ]; then
			do_it pct shutdown "$vmid" --timeout "$shutdown_timeout" || fail "$service does not shut down within ${shutdown_timeout}s; nothing is killed"
		else
			do_it pvesh create "/nodes/$node/lxc/$vmid/status/shutdown" --timeout "$shutdown_timeout"
		fi
	else
		say "$service: container $vmid is stopped"
	fi
	[ "$destroy" = 1 ] || return 0
	if [ "$may_destroy" != yes ]; then
		say "$service: container $vmid is kept (deletionPolicy: Retain)"
		return
	fi
	# The marker is read again right before.
	before=$vmid
	look
	find_container
	[ "$vmid" = "$before" ] || fail "container $before is not that of $service any more; nothing was destroyed"
	[ "$node" = "$here" ] || fail "container $vmid is on $node: run this script there"
	say "$service: destroy container $vmid"
	do_it pct destroy "$vmid" --purge 1
}

look
number=$count
while [ "$number" -ge 1 ]; do
	"service_$number"
	take_down
	number=$((number - 1))
done
if [ "$dry_run" = 1 ]; then say 'nothing was done'; fi
