usage() {
	say "usage: $0 [--dry-run]"
	say '  --dry-run  say what would be done, and do nothing'
	exit "$1"
}
for option; do
	case $option in
	--dry-run) dry_run=1 ;;
	-h | --help) usage 0 ;;
	*) usage 1 >&2 ;;
	esac
done

# free_vmid: the first free number of the range. Proxmox refuses to make a container that exists, so a race harms nobody.
free_vmid() {
	n=$vmid_from
	while [ "$n" -le "$vmid_to" ]; do
		case "$reserved$taken" in
		*" $n "*) ;;
		*)
			if pvesh get /cluster/nextid --vmid "$n" >/dev/null 2>&1; then
				say "$n"
				return
			fi
			;;
		esac
		n=$((n + 1))
	done
	fail "no number from $vmid_from to $vmid_to is free"
}

# await: until the service is healthy.
await() {
	if [ "$dry_run" = 1 ]; then
		say "  wait until healthy, at most ${startup_timeout}s: $check_text"
		return
	fi
	begin=$(date +%s)
	while :; do
		code=0
		check_once "$check" || code=$?
		if [ "$code" = 0 ] || [ "$code$degraded" = 98proceed ]; then
			say "  $service is $(word "$code")"
			return
		fi
		if [ "$code" = 97 ] && [ "$unknown_health" = proceed ]; then
			say "  $service runs; its check cannot be made from here ($check_text)"
			return
		fi
		if [ $(($(date +%s) - begin)) -ge "$startup_timeout" ]; then
			[ "$code" = 97 ] && fail "$service runs, and its check cannot be made from here: $check_text"
			[ "$code" = 98 ] && fail "$service is only degraded after ${startup_timeout}s, and rollout.degraded of the host is Hold: $check_text"
			fail "$service is not healthy after ${startup_timeout}s: $check_text"
		fi
		sleep "${NIXMOX_PAUSE:-1}"
	done
}

# settle NUMBERS: wait for services that were brought up before.
settle() {
	for other; do
		case " $settled " in *" $other "*) continue ;; esac
		"service_$other"
		find_container
		if [ -n "$vmid" ] || [ "$dry_run" = 1 ]; then await; fi
		settled="$settled $other"
	done
}

# bring_up NUMBER: create and start what is not there or does not run. What exists is not changed.
bring_up() {
	"service_$1"
	# shellcheck disable=SC2086
	settle $depends_on
	"service_$1"
	find_container
	if [ -z "$vmid" ]; then
		if [ "$adopts" = yes ]; then
			fail "$service takes over container $wish_vmid, which a controller does and this script does not: leave the service out"
		fi
		if [ -n "$wish_node" ] && [ "$wish_node" != "$here" ]; then
			fail "$service belongs on $wish_node: run this script there first"
		fi
		vmid=$wish_vmid
		if [ -z "$vmid" ]; then vmid=$(free_vmid); fi
		node=$here
		say "$service: create container $vmid"
		if [ "$environment" = yes ]; then say "$service: its environment is not written by this script; put it into /etc/nixmox/environment in the container"; fi
		"create_$1"
		taken="$taken$vmid "
		if [ "$dry_run" = 0 ]; then
			known="$known
$vmid $node $service"
		fi
	elif [ "$(state)" = running ]; then
		say "$service: container $vmid runs on $node"
		return
	fi
	say "$service: start container $vmid"
	if [ "$node" = "$here" ]; then
		do_it pct start "$vmid"
	else
		do_it pvesh create "/nodes/$node/lxc/$vmid/status/start"
	fi
}

scratch=$(mktemp -d)
taken=' ' settled='' up='' current=''
look
number=1
while [ "$number" -le "$count" ]; do
	"service_$number"
	if [ "$phase" != "$current" ]; then
		# Nothing of a phase begins before everything of the phases before is healthy.
		# shellcheck disable=SC2086
		settle $up
		"service_$number"
		current=$phase
		say "phase $phase"
	fi
	bring_up "$number"
	up="$up $number"
	number=$((number + 1))
done
# shellcheck disable=SC2086
settle $up
if [ "$dry_run" = 1 ]; then say 'nothing was done'; else say "all $count services are up"; fi
