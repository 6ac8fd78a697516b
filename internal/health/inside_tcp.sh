# Connect to $host:$port inside the container. Exit 0: connected. 97: no tool.
tool=
if command -v nc >/dev/null 2>&1; then
	tool=nc
	nc -z "$host" "$port" </dev/null >/dev/null 2>&1 && exit 0
fi
# Not every nc knows -z.
if command -v bash >/dev/null 2>&1; then
	tool=bash
	bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" && exit 0
fi
[ -n "$tool" ] || exit 97
exit 1
