package v1alpha1_test

// The sentences that stand at several fields.
const (
	sayDuration = "must be a duration from 100ms to 24h, such as 30s or 5m"
	sayMemory   = "memory must be from 16Mi to 64Ti; write a unit, such as 2Gi or 512Mi (a bare number is bytes)"
	sayCPU      = `cpu must be from 10m to 8192 cores, such as 2 or "1500m"`
	sayStorage  = "storage must be from 16Mi to 8Pi; write a unit, such as 20Gi (a bare number is bytes)"
	saySwap     = "swap must be from 0 to 64Ti; write a unit, such as 512Mi (a bare number is bytes)"
	sayHostPath = "hostPath must be an absolute path of a folder other than /, not below /dev, without a trailing '/', without ',' and without '.' or '..' as a part"
	saySize     = "size must be from 1Mi to 8Pi; write a unit, such as 20Gi (a bare number is bytes)"
	sayGateway  = "gateway must be an IPv4 or IPv6 address"
	sayBridge   = "bridge must be the name of a bridge, such as vmbr0"
	sayPool     = "storage must be the name of a Proxmox storage, such as local-zfs"
	sayTemplate = "template must name a storage and a file, such as local:vztmpl/nixos.tar.xz"
	sayHTTP     = "an http health check is one URL without user and spaces, such as http://localhost:8080/health"
	sayTCP      = "a tcp health check is tcp:PORT or tcp:HOST:PORT with a port from 1 to 65535"
	sayPort     = `a port is a number from 1 to 65535, or one with its protocol in quotes: 5432, "53/udp"`
	sayAddress  = "ip must be an IPv4 or IPv6 address, with or without a prefix length, such as 192.168.1.11 or 192.168.1.11/24"
	sayUnicast  = "ip must be an address that one container can have: not loopback, link-local, multicast, broadcast or all zeros"
	sayPrefix   = "ip must be the container's own address with a prefix length of at least 8, such as 192.168.1.11/24, not the network's, such as 192.168.1.0/24"
	sayHostname = "hostname must be an RFC 1123 name: letters, digits, '-' and dots, each part at most 63 characters (Proxmox takes no '_')"
	sayMount    = "mountPath must be an absolute path other than /, without a trailing '/', without ',' and without '.' or '..' as a part"
	sayLabel    = "metadata.name must be a DNS label: lower-case letters, digits and '-', at most 63 characters, because other services name it in dependsOn"

	sayRate       = `rateLimit must be a number of megabytes a second above 0, such as 10 or "12.5"`
	sayMountTypes = "mount lists types of file systems, such as nfs"
	sayTimezone   = "timezone must be a name of the time zone database, such as Europe/Berlin, or host"

	label63 = "a23456789012345678901234567890123456789012345678901234567890123"
)

var serviceRules = []rule{
	{what: "a name with a dot", object: `metadata: {name: app.web}`, field: "<nil>", message: sayLabel},
	{what: "a name of 64 characters", object: `metadata: {name: ` + label63 + `4}`, field: "<nil>", message: sayLabel},
	{what: "no spec", object: `spec: null`, field: "spec", message: "Required value"},

	{what: "no address", spec: `{ip: null}`, field: "spec.ip", message: "Required value"},
	{what: "an address that is none", spec: `{ip: 192.168.1.256}`, field: "spec.ip", message: sayAddress},
	{what: "an address with leading zeros", spec: `{ip: 192.168.001.011}`, field: "spec.ip", message: sayAddress},
	{what: "a prefix length beyond the address", spec: `{ip: 192.168.1.11/33}`, field: "spec.ip", message: sayAddress},
	{what: "a name for an address", spec: `{ip: dhcp}`, field: "spec.ip", message: sayAddress},
	{what: "an address of one machine's interface", spec: `{ip: "fe80::1%eth0"}`, field: "spec.ip", message: sayAddress},
	{what: "the loopback address", spec: `{ip: 127.0.0.1}`, field: "spec.ip", message: sayUnicast},
	{what: "all zeros", spec: `{ip: "::/64"}`, field: "spec.ip", message: sayUnicast},
	{what: "a multicast address", spec: `{ip: 224.0.0.1/24}`, field: "spec.ip", message: sayUnicast},
	{what: "a link-local address", spec: `{ip: "fe80::1"}`, field: "spec.ip", message: sayUnicast},
	{what: "the network instead of an address in it", spec: `{ip: 192.168.1.0/24}`, field: "spec.ip", message: sayPrefix},
	{what: "the network instead of an address in it, IPv6", spec: `{ip: "fd00::/64"}`, field: "spec.ip", message: sayPrefix},
	{what: "a prefix length that Proxmox refuses", spec: `{ip: 11.0.0.1/7}`, field: "spec.ip", message: sayPrefix},

	{what: "no hostname", spec: `{hostname: null}`, field: "spec.hostname", message: "Required value"},
	{what: "an underscore in the hostname", spec: `{hostname: my_db.example.com}`, field: "spec.hostname", message: sayHostname},
	{what: "a hostname that ends in a hyphen", spec: `{hostname: db-.example.com}`, field: "spec.hostname", message: sayHostname},
	{what: "a hostname that ends in a dot", spec: `{hostname: db.example.com.}`, field: "spec.hostname", message: sayHostname},
	{what: "a hostname with an empty part", spec: `{hostname: db..example.com}`, field: "spec.hostname", message: sayHostname},
	{what: "a part of 64 characters in the hostname", spec: `{hostname: ` + label63 + `4.example.com}`, field: "spec.hostname", message: sayHostname},
	{what: "an empty hostname", spec: `{hostname: ""}`, field: "spec.hostname", message: sayHostname},
	{what: "a hostname of 254 characters", spec: `{hostname: ` + label63 + `.` + label63 + `.` + label63 + `.` + label63[:62] + `}`,
		field: "spec.hostname", message: "may not be more than 253 bytes"},

	{what: "a service that depends on itself", spec: `{dependsOn: [dns, app]}`, field: "spec.dependsOn", message: "dependsOn must not name the service itself"},
	{what: "a dependency twice", spec: `{dependsOn: [dns, dns]}`, field: "spec.dependsOn[1]", message: `Duplicate value: "dns"`},
	{what: "a dependency that no service can be", spec: `{dependsOn: [My_DNS]}`, field: "spec.dependsOn",
		message: "dependsOn lists names of services: lower-case letters, digits and '-', such as postgresql"},
	{what: "an empty dependency", spec: `{dependsOn: [""]}`, field: "spec.dependsOn", message: "dependsOn lists names of services"},

	{what: "an empty check", spec: `{healthCheck: ""}`, field: "spec.healthCheck", message: "healthCheck must not be blank: leave it out for the default check"},
	{what: "a check of spaces", spec: `{healthCheck: "  "}`, field: "spec.healthCheck", message: "healthCheck must not be blank"},
	{what: "tcp without a port", spec: `{healthCheck: "tcp:"}`, field: "spec.healthCheck", message: sayTCP},
	{what: "tcp port 0", spec: `{healthCheck: "tcp:0"}`, field: "spec.healthCheck", message: sayTCP},
	{what: "tcp port 65536", spec: `{healthCheck: "tcp:db:65536"}`, field: "spec.healthCheck", message: sayTCP},
	{what: "tcp as a URL", spec: `{healthCheck: "tcp://db:5432"}`, field: "spec.healthCheck", message: sayTCP},
	{what: "TCP in capitals without a port", spec: `{healthCheck: "TCP:db"}`, field: "spec.healthCheck", message: sayTCP},
	{what: "tcp to an IPv6 address without brackets", spec: `{healthCheck: "tcp:fd00::1:5432"}`, field: "spec.healthCheck", message: sayTCP},
	{what: "a URL without a host", spec: `{healthCheck: "http:///health"}`, field: "spec.healthCheck", message: sayHTTP},
	{what: "a URL with port 65536", spec: `{healthCheck: "http://localhost:65536/"}`, field: "spec.healthCheck", message: sayHTTP},
	{what: "a URL with a password", spec: `{healthCheck: "https://me:secret@localhost/"}`, field: "spec.healthCheck", message: sayHTTP},
	{what: "a URL and a command", spec: `{healthCheck: "http://localhost/ && true"}`, field: "spec.healthCheck", message: sayHTTP},
	{what: "a URL with a broken escape", spec: `{healthCheck: "http://localhost/%zz"}`, field: "spec.healthCheck", message: sayHTTP},
	{what: "a URL in capitals with port 0", spec: `{healthCheck: "HTTPS+insecure://localhost:0/"}`, field: "spec.healthCheck", message: sayHTTP},

	{what: "a blank startup check", spec: `{health: {startup: " "}}`, field: "spec.health.startup", message: "a check must not be blank: leave it out for the default check"},
	{what: "a startup check of tcp port 0", spec: `{health: {startup: "tcp:0"}}`, field: "spec.health.startup", message: sayTCP},
	{what: "a startup check of a URL with a password", spec: `{health: {startup: "https://me:secret@localhost/"}}`, field: "spec.health.startup", message: sayHTTP},
	{what: "a blank liveness check", spec: `{health: {liveness: " "}}`, field: "spec.health.liveness", message: "a check must not be blank: leave it out for the default check"},
	{what: "a liveness check of tcp port 0", spec: `{health: {liveness: "tcp:0"}}`, field: "spec.health.liveness", message: sayTCP},
	{what: "a liveness check of a URL with a password", spec: `{health: {liveness: "https://me:secret@localhost/"}}`, field: "spec.health.liveness", message: sayHTTP},
	{what: "an environment without a Secret", spec: `{environmentFrom: [{}]}`, field: "spec.environmentFrom[0].secretRef", message: "Required value"},
	{what: "an environment from a Secret without a name", spec: `{environmentFrom: [{secretRef: {}}]}`, field: "spec.environmentFrom[0].secretRef.name", message: "Required value"},
	{what: "an environment from a Secret with an empty name", spec: `{environmentFrom: [{secretRef: {name: ""}}]}`, field: "spec.environmentFrom[0].secretRef.name", message: "should be at least 1 chars long"},
	{what: "an interval without a unit", spec: `{health: {interval: "30"}}`, field: "spec.health.interval", message: sayDuration},
	{what: "a time-out of nothing", spec: `{health: {timeout: 0s}}`, field: "spec.health.timeout", message: sayDuration},
	{what: "a negative delay", spec: `{health: {retryDelay: -5s}}`, field: "spec.health.retryDelay", message: sayDuration},
	{what: "a startup of two days", spec: `{health: {startupTimeout: 48h}}`, field: "spec.health.startupTimeout", message: sayDuration},
	{what: "no retry", spec: `{health: {retries: 0}}`, field: "spec.health.retries", message: "should be greater than or equal to 1"},
	{what: "101 retries", spec: `{health: {retries: 101}}`, field: "spec.health.retries", message: "should be less than or equal to 100"},
	{what: "a shutdown time-out in days", spec: `{shutdownTimeout: 1d}`, field: "spec.shutdownTimeout", message: sayDuration},
	{what: "a shutdown time-out that no clock can hold", spec: `{shutdownTimeout: 99999999999h}`, field: "spec.shutdownTimeout", message: sayDuration},
	{what: "an unknown restart policy", spec: `{restartPolicy: on-failure}`, field: "spec.restartPolicy", message: `supported values: "always", "unless-stopped", "never"`},
	{what: "an unknown way to recreate", spec: `{recreate: Never}`, field: "spec.recreate", message: `supported values: "OnRequest", "Always"`},
	{what: "an unknown deletion policy", spec: `{deletionPolicy: Destroy}`, field: "spec.deletionPolicy", message: `supported values: "Retain", "Delete"`},

	{what: "memory without a unit", spec: `{resources: {memory: 2048}}`, field: "spec.resources.memory", message: sayMemory},
	{what: "memory with an unknown unit", spec: `{resources: {memory: 2GB}}`, field: "spec.resources.memory", message: sayMemory},
	{what: "more memory than there is", spec: `{resources: {memory: 65Ti}}`, field: "spec.resources.memory", message: sayMemory},
	{what: "negative memory", spec: `{resources: {memory: -1Gi}}`, field: "spec.resources.memory", message: sayMemory},
	{what: "no cpu", spec: `{resources: {cpu: 0}}`, field: "spec.resources.cpu", message: sayCPU},
	{what: "more cpu than Proxmox takes", spec: `{resources: {cpu: "8193"}}`, field: "spec.resources.cpu", message: sayCPU},
	{what: "cpu in words", spec: `{resources: {cpu: two}}`, field: "spec.resources.cpu", message: sayCPU},
	{what: "a fraction of a cpu without quotes", spec: `{resources: {cpu: 0.5}}`, field: "spec.resources.cpu", message: "must be of type integer,string"},
	{what: "a root disk without a unit", spec: `{resources: {storage: 20}}`, field: "spec.resources.storage", message: sayStorage},
	{what: "negative swap", spec: `{resources: {swap: -1}}`, field: "spec.resources.swap", message: saySwap},
	{what: "swap with an unknown unit", spec: `{resources: {swap: 1GB}}`, field: "spec.resources.swap", message: saySwap},

	{what: "adoption without a number", spec: `{adopt: true}`, field: "spec.adopt", message: "adopt takes over the container with the number vmid: set vmid"},
	{what: "port 0", spec: `{ports: [0]}`, field: "spec.ports", message: sayPort},
	{what: "port 65536", spec: `{ports: [80, 65536]}`, field: "spec.ports", message: sayPort},
	{what: "port 65536 in quotes", spec: `{ports: ["65536/tcp"]}`, field: "spec.ports", message: sayPort},
	{what: "an unknown protocol", spec: `{ports: ["53/icmp"]}`, field: "spec.ports", message: sayPort},
	{what: "a port by name", spec: `{ports: [https]}`, field: "spec.ports", message: sayPort},
	{what: "a port mapping", spec: `{ports: ["8080:80"]}`, field: "spec.ports", message: sayPort},

	{what: "a volume without a name", spec: `{volumes: [{mountPath: /data, size: 1Gi}]}`, field: "spec.volumes[0].name", message: "Required value"},
	{what: "a volume without a place", spec: `{volumes: [{name: data, size: 1Gi}]}`, field: "spec.volumes[0].mountPath", message: "Required value"},
	{what: "a volume without a size", spec: `{volumes: [{name: data, mountPath: /data}]}`, field: "spec.volumes[0]", message: "a volume has either a size or a hostPath"},
	{what: "a volume with both", spec: `{volumes: [{name: data, mountPath: /data, size: 1Gi, hostPath: /tank}]}`, field: "spec.volumes[0]", message: "a volume has either a size or a hostPath"},
	{what: "a host path on a storage", spec: `{volumes: [{name: data, mountPath: /data, hostPath: /tank, storage: local}]}`, field: "spec.volumes[0].storage",
		message: "a volume with a hostPath is on no storage: leave storage out"},
	{what: "the whole node as a host path", spec: `{volumes: [{name: data, mountPath: /data, hostPath: /}]}`, field: "spec.volumes[0].hostPath", message: sayHostPath},
	{what: "a relative host path", spec: `{volumes: [{name: data, mountPath: /data, hostPath: tank}]}`, field: "spec.volumes[0].hostPath", message: sayHostPath},
	{what: "a host path that goes up", spec: `{volumes: [{name: data, mountPath: /data, hostPath: /tank/../etc}]}`, field: "spec.volumes[0].hostPath", message: sayHostPath},
	{what: "a host path with an option", spec: `{volumes: [{name: data, mountPath: /data, hostPath: "/tank,ro=0"}]}`, field: "spec.volumes[0].hostPath", message: sayHostPath},
	{what: "a device as a host path", spec: `{volumes: [{name: data, mountPath: /data, hostPath: /dev/sda}]}`, field: "spec.volumes[0].hostPath", message: sayHostPath},
	{what: "two volumes of one name", spec: `{volumes: [{name: data, mountPath: /a, size: 1Gi}, {name: data, mountPath: /b, size: 1Gi}]}`,
		field: "spec.volumes[1]", message: `Duplicate value: {"name":"data"}`},
	{what: "two volumes at one place", spec: `{volumes: [{name: a, mountPath: /data, size: 1Gi}, {name: b, mountPath: /data, size: 1Gi}]}`,
		field: "spec.volumes", message: "volumes must have distinct mountPaths"},
	{what: "capitals in a volume's name", spec: `{volumes: [{name: Data, mountPath: /data, size: 1Gi}]}`, field: "spec.volumes[0].name",
		message: "a volume's name consists of lower-case letters, digits and '-', such as data"},
	{what: "a volume with the root disk's name", spec: `{volumes: [{name: rootfs, mountPath: /data, size: 1Gi}]}`, field: "spec.volumes[0].name",
		message: "rootfs is the name of the root disk, whose size is resources.storage: give the volume another name"},
	{what: "a volume without a unit", spec: `{volumes: [{name: data, mountPath: /data, size: 20}]}`, field: "spec.volumes[0].size", message: saySize},
	{what: "a volume at /", spec: `{volumes: [{name: data, mountPath: /, size: 1Gi}]}`, field: "spec.volumes[0].mountPath", message: sayMount},
	{what: "a relative place", spec: `{volumes: [{name: data, mountPath: data, size: 1Gi}]}`, field: "spec.volumes[0].mountPath", message: sayMount},
	{what: "a place with a slash at its end", spec: `{volumes: [{name: data, mountPath: /data/, size: 1Gi}]}`, field: "spec.volumes[0].mountPath", message: sayMount},
	{what: "a place with two slashes", spec: `{volumes: [{name: data, mountPath: /var//data, size: 1Gi}]}`, field: "spec.volumes[0].mountPath", message: sayMount},
	{what: "a place that goes up", spec: `{volumes: [{name: data, mountPath: /var/../data, size: 1Gi}]}`, field: "spec.volumes[0].mountPath", message: sayMount},
	{what: "a place with a comma", spec: `{volumes: [{name: data, mountPath: "/data,ro=1", size: 1Gi}]}`, field: "spec.volumes[0].mountPath", message: sayMount},
	{what: "a place with a line break", spec: `{volumes: [{name: data, mountPath: "/data\nmemory: 1", size: 1Gi}]}`, field: "spec.volumes[0].mountPath", message: sayMount},
	{what: "a volume on no storage", spec: `{volumes: [{name: data, mountPath: /data, size: 1Gi, storage: "local:"}]}`, field: "spec.volumes[0].storage", message: sayPool},

	{what: "a template without a storage", spec: `{template: nixos.tar.xz}`, field: "spec.template", message: sayTemplate},
	{what: "a template with a space", spec: `{template: "local:vztmpl/nixos .tar.xz"}`, field: "spec.template", message: sayTemplate},
	{what: "a number that Proxmox keeps for itself", spec: `{vmid: 99}`, field: "spec.vmid", message: "should be greater than or equal to 100"},
	{what: "a number with ten digits", spec: `{vmid: 1000000000}`, field: "spec.vmid", message: "should be less than or equal to 999999999"},
	{what: "a node with a dot", spec: `{node: pve1.lan}`, field: "spec.node", message: "node must be the name of a Proxmox node, such as pve1"},
	{what: "a host in a namespace with a capital", spec: `{hostRef: {namespace: Infra}}`, field: "spec.hostRef.namespace", message: "hostRef.namespace must be the name of a namespace"},
	{what: "an empty name of the host", spec: `{hostRef: {name: ""}}`, field: "spec.hostRef.name", message: "should be at least 1 chars long"},

	{what: "a bridge with a comma", spec: `{network: {bridge: "vmbr0,tag=5"}}`, field: "spec.network.bridge", message: sayBridge},
	{what: "VLAN 0", spec: `{network: {vlanTag: 0}}`, field: "spec.network.vlanTag", message: "should be greater than or equal to 1"},
	{what: "VLAN 4095", spec: `{network: {vlanTag: 4095}}`, field: "spec.network.vlanTag", message: "should be less than or equal to 4094"},
	{what: "a gateway with a prefix", spec: `{network: {gateway: 192.168.1.1/24}}`, field: "spec.network.gateway", message: sayGateway},
	{what: "a gateway of the other IP version", spec: `{network: {gateway: "fd00::1"}}`, field: "spec.network", message: "network.gateway must be of the same IP version as ip"},
	{what: "a multicast MAC address", spec: `{network: {macAddress: "BD:24:11:00:00:01"}}`, field: "spec.network.macAddress",
		message: "macAddress must be a unicast MAC address, such as BC:24:11:00:00:01"},
	{what: "an MTU below that of any link", spec: `{network: {mtu: 575}}`, field: "spec.network.mtu", message: "should be greater than or equal to 576"},
	{what: "an MTU beyond 16 bits", spec: `{network: {mtu: 65536}}`, field: "spec.network.mtu", message: "should be less than or equal to 65535"},
	{what: "no throughput at all", spec: `{network: {rateLimit: 0}}`, field: "spec.network.rateLimit", message: sayRate},
	{what: "a throughput with a unit", spec: `{network: {rateLimit: 10M}}`, field: "spec.network.rateLimit", message: sayRate},
	{what: "no type of a file system", spec: `{features: {mount: ["nfs;ext4"]}}`, field: "spec.features.mount", message: sayMountTypes},
	{what: "a type of a file system twice", spec: `{features: {mount: [nfs, nfs]}}`, field: "spec.features.mount[1]", message: `Duplicate value: "nfs"`},
	{what: "a time zone with a space", spec: `{timezone: "Central European"}`, field: "spec.timezone", message: sayTimezone},

	{what: "a tag twice", spec: `{tags: [db, db]}`, field: "spec.tags[1]", message: `Duplicate value: "db"`},
	{what: "a tag in capitals, which Proxmox would change", spec: `{tags: [DB]}`, field: "spec.tags",
		message: "a tag consists of lower-case letters, digits and _ . + -, and starts with a letter, a digit or _"},
	{what: "two tags in one", spec: `{tags: ["a;b"]}`, field: "spec.tags", message: "a tag consists of lower-case letters"},
}

var acceptedServices = `
{}
{enable: false, suspend: true, adopt: true, vmid: 902}
{ip: 192.168.1.11/24}
{ip: 10.0.0.0}
{ip: 10.0.0.1/8}
{ip: 192.168.1.0/16}
{ip: 192.168.1.10/31}
{ip: 192.168.1.10/32}
{ip: "fd00::11"}
{ip: "fd00::11/64"}
{ip: "FD00:0:0::11"}
{hostname: app}
{hostname: 3com.example.com}
{hostname: xn--bcher-kva.example.com}
{hostname: DB-1.Example.Com}
{hostname: ` + label63 + `.` + label63 + `.` + label63 + `.` + label63[:61] + `}
{dependsOn: []}
{dependsOn: [app2, ` + label63 + `]}
{healthCheck: systemctl is-active --quiet tomcat && systemctl is-active --quiet guacamole-server}
{healthCheck: "systemctl is-active --quiet postgresql\n"}
{healthCheck: "curl -f -s http://localhost:8080/health"}
{healthCheck: "http://localhost:2019/health"}
{healthCheck: "http://localhost:9090/-/healthy"}
{healthCheck: "https://[fd00::1]:8443/a%20b?c=d&e=f#g"}
{healthCheck: "https+insecure://192.168.1.11"}
{healthCheck: "HTTP://localhost:65535"}
{healthCheck: "tcp:5432"}
{healthCheck: "tcp:db.example.com:65535"}
{healthCheck: "tcp:[fd00::1]:5432"}
{healthCheck: "tcpcheck localhost 5432"}
{healthCheck: "httpie http://localhost"}
{health: {}}
{health: {interval: 100ms, timeout: 1.5s, retryDelay: 1m30s, startupTimeout: 24h, retries: 1}}
{health: {interval: 1h0m0s, timeout: 86400s, retryDelay: 86400000ms, startupTimeout: 1440m, retries: 100}}
{resources: {}}
{resources: {memory: 2048Mi, cpu: 1500m, storage: 20Gi, swap: 0}}
{resources: {memory: 16Mi, cpu: 2, storage: 0.5Gi, swap: "0"}}
{resources: {memory: 2G, cpu: "0.5", storage: 8Pi, swap: 64Ti}}
{resources: {memory: 2147483648, cpu: 10m}}
{resources: {cpu: 8192}}
{ports: [5432, 53, "53/udp", "443/tcp", "65535", 1, 65535]}
{volumes: [{name: data, mountPath: /var/lib/postgresql, size: 20Gi, storage: local-zfs, backup: false}, {name: data-2, mountPath: /var/lib, size: 1Mi}]}
{volumes: [{name: media, mountPath: /media, hostPath: /tank/media, readOnly: true}, {name: dev, mountPath: /dev2, hostPath: /developer/..x}]}
{volumes: [{name: "0", mountPath: "/srv/..data/my files/.hidden", size: 1073741824}]}
{template: "local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst"}
{vmid: 100}
{vmid: 999999999}
{node: pve-1}
{hostRef: {}}
{hostRef: {name: other.host}}
{hostRef: {namespace: infra}}
{network: {}}
{network: {bridge: vnet_1.100-a, vlanTag: 4094, gateway: 192.168.1.1, macAddress: "bc:24:11:AA:00:01", firewall: false}}
{ip: "fd00::11/64", network: {gateway: "fe80::1", vlanTag: 1}}
{tags: [db, _x, 1a, "c++", a.b-c_d, nixmox]}
{features: {nesting: false}, unprivileged: false}
{network: {mtu: 576, rateLimit: 10}}
{network: {mtu: 65535, rateLimit: "12.5"}}
{network: {rateLimit: 12500m}}
{features: {keyctl: true, fuse: false, mount: [nfs, cifs]}}
{timezone: host}
{timezone: America/Argentina/Buenos_Aires}
{timezone: Etc/GMT+3}
{restartPolicy: always, deletionPolicy: Delete, shutdownTimeout: 10m, forceStop: true}
{restartPolicy: never, deletionPolicy: Retain}
`
