# ---- what every script uses

say() { printf '%s\n' "$*"; }
fail() {
	printf 'Error: %s\n' "$*" >&2
	exit 1
}

# A private folder for files that pct reads, removed at the end.
scratch=''
# shellcheck disable=SC2317,SC2329
clean() { [ -z "$scratch" ] || rm -rf "$scratch"; }
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# show COMMAND...: as one line that a person could type.
show() {
	line=''
	for word; do
		case $word in
		'' | *[!A-Za-z0-9_./:@%+,=-]*) word="'$(printf '%s\n' "$word" | sed "s/'/'\\\\''/g")'" ;;
		esac
		line="$line $word"
	done
	printf '  %s\n' "${line# }"
}

# do_it COMMAND...: run it, or with --dry-run only say it.
do_it() {
	if [ "$dry_run" = 1 ]; then
		show "$@"
	else
		"$@"
	fi
}

# keys_file KEYS: the path of a file with the SSH keys, which pct wants as a file.
keys_file() {
	printf '%s\n' "$1" >"$scratch/keys"
	printf '%s\n' "$scratch/keys"
}

# field NAME ROW: a value of a JSON object that holds no others.
field() { printf '%s\n' "$2" | sed -n 's/.*"'"$1"'":"\{0,1\}\([^",}]*\).*/\1/p'; }

# look: fills known with number, node and service of each container of the cluster that is ours, by the marker in its notes. A clone
# carries the marker of its original with another number, and is not taken for it.
known=''
look() {
	rows=$(pvesh get /cluster/resources --type vm --output-format json) || fail 'pvesh cannot list the containers'
	known=$(printf '%s\n' "$rows" | tr '}' '\n' | while IFS= read -r row; do
		case $row in *'"type":"lxc"'*) ;; *) continue ;; esac
		case $row in *'"tags":"nixmox"'* | *'"tags":"nixmox;'* | *';nixmox;'* | *';nixmox"'*) ;; *) continue ;; esac
		id=$(field vmid "$row") on=$(field node "$row")
		# Not knowing whose it is, a second container could be made for a service.
		notes=$(pvesh get "/nodes/$on/lxc/$id/config" --output-format json </dev/null) || fail "container $id on $on cannot be read"
		case $notes in
		*'nixmox-state: deleting'*) ;;
		*"nixmox-instance: $instance\\n"*"nixmox-vmid: $id\\n"*)
			printf '%s %s %s\n' "$id" "$on" "$(printf '%s\n' "$notes" | sed -n 's/.*nixmox-service: \([^\\]*\)\\n.*/\1/p')"
			;;
		esac
	done) || exit 1
}

# find_container: sets vmid and node of the container of $service, empty if there is none.
find_container() {
	vmid='' node=''
	while read -r id on whose; do
		if [ "$whose" = "$service" ]; then vmid=$id node=$on; fi
	done <<-END
		$known
	END
}

# here: this node's name, as Proxmox knows it.
here=$(hostname -s 2>/dev/null || uname -n)
here=${here%%.*}

# state: what the container does: running, stopped.
state() { field status "$(pvesh get "/nodes/$node/lxc/$vmid/status/current" --output-format json 2>/dev/null | tr '{' '\n' | grep '"status":"' | head -n 1)"; }

# inside SCRIPT ARGUMENTS...: run a script in the container, for at most $check_timeout seconds. NixOS keeps its programs elsewhere.
inside() {
	script="PATH=\$PATH:/run/current-system/sw/bin:/usr/sbin:/sbin; export PATH; $1"
	shift
	bound=''
	if command -v timeout >/dev/null 2>&1; then bound="timeout $check_timeout"; fi
	# shellcheck disable=SC2086
	$bound pct exec "$vmid" --keep-env 0 -- /bin/sh -c "$script" sh "$@" </dev/null >/dev/null 2>&1
}

# passes COMMAND: a command in the container ends with 0. What else it ends with says nothing more.
passes() { inside "$1" || return 1; }

# runs: the check of a service of which nothing is known. That the container runs was seen before.
runs() { :; }

# layer NAME CHECK...: one of several checks, counted for combine; told when there is somebody to tell.
# shellcheck disable=SC2317,SC2329
layer() {
	name=$1 code=0
	shift
	"$@" || code=$?
	case $code in
	0) passed=$((passed + 1)) told=healthy ;;
	97) told=unknown ;;
	*) failed=$((failed + 1)) told=unhealthy ;;
	esac
	if [ "${aloud:-0}" = 1 ]; then say "  $name: $told"; fi
}

# combine LAYERS: all pass 0, some 98, none 1, and 97 when none can be told.
# shellcheck disable=SC2317,SC2329
combine() {
	passed=0 failed=0
	"$1"
	[ $((passed + failed)) != 0 ] || return 97
	[ "$passed" != 0 ] || return 1
	[ "$failed" = 0 ] || return 98
}

# check_once CHECK: 0 healthy, 98 in part, 97 when it cannot be told, else not. pct reaches containers of its own node only.
check_once() {
	[ "$(state)" = running ] || return 1
	[ "$1" != runs ] || return 0
	[ "$node" = "$here" ] || return 97
	"$@"
}

# verdict CHECK: healthy, degraded, unhealthy, unknown, stopped or absent.
verdict() {
	if [ -z "$vmid" ]; then
		say absent
		return
	fi
	if [ "$(state)" != running ]; then
		say stopped
		return
	fi
	code=0
	check_once "$@" || code=$?
	word "$code"
}

# word CODE: a verdict in a word.
word() {
	case $1 in
	0) say healthy ;;
	97) say unknown ;;
	98) say degraded ;;
	*) say unhealthy ;;
	esac
}
