package v1alpha1_test

import "strings"

const (
	sayEndpoint = "an endpoint is a URL without a path, such as https://pve1.lan:8006"
	sayOneTLS   = "use one of caBundle, caSecretRef, fingerprint and insecureSkipVerify"
	sayOperator = "an operator is In or NotIn, with values, or Exists or DoesNotExist, without"
	sayInstance = "instance must be lower-case letters, digits and '-', such as home"
	sayDomain   = "domain must be an RFC 1123 name, such as example.com"
	sayKey      = "an SSH public key is one line that starts with its type and the key, such as ssh-ed25519 AAAA..."

	aFingerprint = "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
	aCertificate = `"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"`
)

const aHostKey = "pve1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"

// sshWith is a good spec.exec with one more field, or another one.
func sshWith(field string) string {
	known := `, knownHosts: "` + aHostKey + `"`
	if strings.HasPrefix(field, "knownHosts") {
		known = ""
	}
	return `{exec: {ssh: {privateKeySecretRef: {name: ssh}` + known + `, ` + field + `}}}`
}

var hostRules = []rule{
	{what: "no spec", object: `spec: null`, field: "spec", message: "Required value"},

	{what: "an empty instance", spec: `{instance: ""}`, field: "spec.instance", message: sayInstance},
	{what: "an instance in capitals", spec: `{instance: Home}`, field: "spec.instance", message: sayInstance},

	{what: "no endpoints", spec: `{endpoints: null}`, field: "spec.endpoints", message: "Required value"},
	{what: "an empty list of endpoints", spec: `{endpoints: []}`, field: "spec.endpoints", message: "should have at least 1 items"},
	{what: "an endpoint without a scheme", spec: `{endpoints: ["pve1.lan:8006"]}`, field: "spec.endpoints", message: sayEndpoint},
	{what: "an endpoint with a path", spec: `{endpoints: ["https://pve1.lan:8006/api2/json"]}`, field: "spec.endpoints", message: sayEndpoint},
	{what: "an endpoint with a query", spec: `{endpoints: ["https://pve1.lan?x=1"]}`, field: "spec.endpoints", message: sayEndpoint},
	{what: "an endpoint with a password", spec: `{endpoints: ["https://root:secret@pve1.lan:8006"]}`, field: "spec.endpoints", message: sayEndpoint},
	{what: "an endpoint with port 65536", spec: `{endpoints: ["https://pve1.lan:65536"]}`, field: "spec.endpoints", message: sayEndpoint},
	{what: "an endpoint without a host", spec: `{endpoints: ["https://:8006"]}`, field: "spec.endpoints", message: sayEndpoint},
	{what: "a second endpoint with a space", spec: `{endpoints: ["https://pve1.lan:8006", " https://pve2.lan:8006"]}`, field: "spec.endpoints", message: sayEndpoint},

	{what: "no credentials", spec: `{credentialsRef: null}`, field: "spec.credentialsRef", message: "Required value"},
	{what: "credentials without a name", spec: `{credentialsRef: {name: null}}`, field: "spec.credentialsRef.name", message: "Required value"},
	{what: "credentials with an empty name", spec: `{credentialsRef: {name: ""}}`, field: "spec.credentialsRef.name", message: "should be at least 1 chars long"},

	{what: "an authority and a fingerprint", spec: `{tls: {caBundle: ` + aCertificate + `, fingerprint: "` + aFingerprint + `"}}`, field: "spec.tls", message: sayOneTLS},
	{what: "a fingerprint and no verification", spec: `{tls: {fingerprint: "` + aFingerprint + `", insecureSkipVerify: true}}`, field: "spec.tls", message: sayOneTLS},
	{what: "a file name for an authority", spec: `{tls: {caBundle: /etc/pve/pve-root-ca.pem}}`, field: "spec.tls.caBundle",
		message: "caBundle must hold certificates in PEM, which begin with -----BEGIN CERTIFICATE-----"},
	{what: "a SHA-1 fingerprint", spec: `{tls: {fingerprint: "` + aFingerprint[:59] + `"}}`, field: "spec.tls.fingerprint",
		message: "fingerprint must be a SHA-256 of 32 bytes in hex, separated by ':', as Proxmox shows it"},

	{what: "a node with a dot", spec: `{nodes: [pve1.lan]}`, field: "spec.nodes", message: "nodes must be names of Proxmox nodes, such as pve1"},
	{what: "a node twice", spec: `{nodes: [pve1, pve2, pve1]}`, field: "spec.nodes[2]", message: `Duplicate value: "pve1"`},

	{what: "a range without an end", spec: `{vmidRange: {from: 900}}`, field: "spec.vmidRange.to", message: "Required value"},
	{what: "a range without a beginning", spec: `{vmidRange: {to: 999}}`, field: "spec.vmidRange.from", message: "Required value"},
	{what: "a range upside down", spec: `{vmidRange: {from: 999, to: 900}}`, field: "spec.vmidRange", message: "vmidRange.from must not be greater than vmidRange.to"},
	{what: "a range that begins with Proxmox's own numbers", spec: `{vmidRange: {from: 99, to: 999}}`, field: "spec.vmidRange.from", message: "should be greater than or equal to 100"},
	{what: "a range that ends with Proxmox's own numbers", spec: `{vmidRange: {from: 100, to: 99}}`, field: "spec.vmidRange.to", message: "should be greater than or equal to 100", also: "spec.vmidRange"},
	{what: "a range that begins beyond nine digits", spec: `{vmidRange: {from: 1000000000, to: 999999999}}`, field: "spec.vmidRange.from", message: "should be less than or equal to 999999999", also: "spec.vmidRange"},
	{what: "a range that ends beyond nine digits", spec: `{vmidRange: {from: 900, to: 1000000000}}`, field: "spec.vmidRange.to", message: "should be less than or equal to 999999999"},

	{what: "no network", spec: `{network: null}`, field: "spec.network", message: "Required value"},
	{what: "a network without cidr", spec: `{network: {cidr: null}}`, field: "spec.network.cidr", message: "Required value"},
	{what: "an address for a network", spec: `{network: {cidr: 192.168.1.0}}`, field: "spec.network.cidr",
		message: "cidr must be a network with a prefix length of at least 8, such as 192.168.1.0/24"},
	{what: "the whole Internet for a network", spec: `{network: {cidr: 0.0.0.0/0}}`, field: "spec.network.cidr", message: "with a prefix length of at least 8"},
	{what: "a gateway by name", spec: `{network: {gateway: router.lan}}`, field: "spec.network.gateway", message: sayGateway},
	{what: "a DNS server by name", spec: `{network: {dnsServers: [192.168.1.1, dns.lan]}}`, field: "spec.network.dnsServers", message: "dnsServers must be IPv4 or IPv6 addresses"},
	{what: "VLAN 0", spec: `{network: {vlanTag: 0}}`, field: "spec.network.vlanTag", message: "should be greater than or equal to 1"},
	{what: "VLAN 4095", spec: `{network: {vlanTag: 4095}}`, field: "spec.network.vlanTag", message: "should be less than or equal to 4094"},
	{what: "a bridge that begins with a digit", spec: `{network: {bridge: 0vmbr}}`, field: "spec.network.bridge", message: sayBridge},
	{what: "a domain with an underscore", spec: `{network: {domain: my_home.lan}}`, field: "spec.network.domain", message: sayDomain},
	{what: "a domain that begins with a dot", spec: `{network: {domain: .example.com}}`, field: "spec.network.domain", message: sayDomain},
	{what: "a file name for a key", spec: `{network: {sshPublicKeys: [~/.ssh/id_ed25519.pub]}}`, field: "spec.network.sshPublicKeys", message: sayKey},
	{what: "a private key", spec: `{network: {sshPublicKeys: ["-----BEGIN OPENSSH PRIVATE KEY-----"]}}`, field: "spec.network.sshPublicKeys", message: sayKey},
	{what: "two keys in one", spec: `{network: {sshPublicKeys: ["ssh-ed25519 AAAA me\nssh-ed25519 BBBB you"]}}`, field: "spec.network.sshPublicKeys", message: sayKey},

	{what: "a template without a storage", spec: `{defaults: {template: nixos.tar.xz}}`, field: "spec.defaults.template", message: sayTemplate},
	{what: "a default time zone with a dot", spec: `{defaults: {timezone: ../etc/passwd}}`, field: "spec.defaults.timezone", message: sayTimezone},
	{what: "a type of file systems with a capital", spec: `{defaults: {features: {mount: [NFS]}}}`, field: "spec.defaults.features.mount", message: sayMountTypes},
	{what: "a default type of file systems twice", spec: `{defaults: {features: {mount: [nfs, nfs]}}}`, field: "spec.defaults.features.mount[1]", message: `Duplicate value: "nfs"`},
	{what: "a storage with a colon", spec: `{defaults: {storage: "local:"}}`, field: "spec.defaults.storage", message: sayPool},
	{what: "default memory without a unit", spec: `{defaults: {resources: {memory: 2048}}}`, field: "spec.defaults.resources.memory", message: sayMemory},
	{what: "no cpu by default", spec: `{defaults: {resources: {cpu: "0"}}}`, field: "spec.defaults.resources.cpu", message: sayCPU},
	{what: "a default root disk without a unit", spec: `{defaults: {resources: {storage: 20}}}`, field: "spec.defaults.resources.storage", message: sayStorage},
	{what: "negative swap by default", spec: `{defaults: {resources: {swap: -1Mi}}}`, field: "spec.defaults.resources.swap", message: saySwap},

	{what: "an adoptable number that is none", spec: `{policy: {adoptableVMIDs: ["900-"]}}`, field: "spec.policy.adoptableVMIDs",
		message: `adoptableVMIDs lists numbers and ranges in quotes, such as "120" or "900-950"`},
	{what: "an adoptable number that is too long", spec: `{policy: {adoptableVMIDs: ["10000000000-10000000000"]}}`, field: "spec.policy.adoptableVMIDs[0]",
		message: "may not be more than 19"},
	{what: "a phase without a name", spec: `{phases: [{services: [dns]}]}`, field: "spec.phases[0].name", message: "Required value"},
	{what: "a phase with an empty name", spec: `{phases: [{name: ""}]}`, field: "spec.phases[0].name", message: "should be at least 1 chars long"},
	{what: "two phases of one name", spec: `{phases: [{name: a}, {name: b}, {name: a}]}`, field: "spec.phases[2]", message: `Duplicate value: {"name":"a"}`},
	{what: "a service twice in a phase", spec: `{phases: [{name: a, services: [dns, dns]}]}`, field: "spec.phases[0].services[1]", message: `Duplicate value: "dns"`},
	{what: "an empty name in a phase", spec: `{phases: [{name: a, services: [""]}]}`, field: "spec.phases[0].services[0]", message: "should be at least 1 chars long"},

	{what: "an unknown gate", spec: `{rollout: {gate: None}}`, field: "spec.rollout.gate", message: `supported values: "Phase", "Dependencies"`},
	{what: "exec without ssh", spec: `{exec: {}}`, field: "spec.exec.ssh", message: "Required value"},
	{what: "ssh without a key", spec: `{exec: {ssh: {knownHosts: "` + aHostKey + `"}}}`, field: "spec.exec.ssh.privateKeySecretRef", message: "Required value"},
	{what: "ssh with a key without a name", spec: `{exec: {ssh: {knownHosts: "` + aHostKey + `", privateKeySecretRef: {}}}}`, field: "spec.exec.ssh.privateKeySecretRef.name", message: "Required value"},
	{what: "ssh with a key with an empty name", spec: `{exec: {ssh: {knownHosts: "` + aHostKey + `", privateKeySecretRef: {name: ""}}}}`, field: "spec.exec.ssh.privateKeySecretRef.name", message: "should be at least 1 chars long"},
	{what: "ssh without host keys", spec: `{exec: {ssh: {privateKeySecretRef: {name: ssh}}}}`, field: "spec.exec.ssh.knownHosts", message: "Required value"},
	{what: "a fingerprint for a host key", spec: sshWith(`knownHosts: "SHA256:abc"`), field: "spec.exec.ssh.knownHosts", message: "knownHosts must hold host keys, such as pve1 ssh-ed25519 AAAA..., as ssh-keyscan prints them"},
	{what: "a user with a space", spec: sshWith(`user: "root x"`), field: "spec.exec.ssh.user", message: "user must be the name of a Linux user, such as root"},
	{what: "ssh on port 0", spec: sshWith(`port: 0`), field: "spec.exec.ssh.port", message: "should be greater than or equal to 1"},
	{what: "ssh on port 65536", spec: sshWith(`port: 65536`), field: "spec.exec.ssh.port", message: "should be less than or equal to 65535"},
	{what: "a URL for an address", spec: sshWith(`addresses: {pve1: "ssh://pve1"}`), field: "spec.exec.ssh.addresses.pve1", message: "should match"},
	{what: "every path of the nodes", spec: `{policy: {hostPaths: [/]}}`, field: "spec.policy.hostPaths",
		message: "hostPaths lists absolute paths other than /, without a trailing '/', without ',' and without '.' or '..' as a part"},
	{what: "a path that goes up", spec: `{policy: {hostPaths: [/tank, /tank/../etc]}}`, field: "spec.policy.hostPaths",
		message: "hostPaths lists absolute paths other than /, without a trailing '/', without ',' and without '.' or '..' as a part"},
	{what: "a path twice", spec: `{policy: {hostPaths: [/tank, /tank]}}`, field: "spec.policy.hostPaths[1]", message: "Duplicate value"},
	{what: "a URL for a probe host", spec: `{policy: {probeHosts: ["http://auth.lan"]}}`, field: "spec.policy.probeHosts", message: "a probe host is a name, an address or a network, such as 192.168.1.0/24"},
	{what: "a probe host twice", spec: `{policy: {probeHosts: [a.lan, a.lan]}}`, field: "spec.policy.probeHosts[1]", message: "Duplicate value"},
	{what: "an unknown way with degraded health", spec: `{rollout: {degraded: Ignore}}`, field: "spec.rollout.degraded", message: `supported values: "Hold", "Proceed"`},
	{what: "an unknown way with unknown health", spec: `{rollout: {unknownHealth: Ignore}}`, field: "spec.rollout.unknownHealth", message: `supported values: "Hold", "Proceed"`},
	{what: "nothing at once", spec: `{rollout: {maxConcurrent: 0}}`, field: "spec.rollout.maxConcurrent", message: "should be greater than or equal to 1"},
	{what: "257 at once", spec: `{rollout: {maxConcurrent: 257}}`, field: "spec.rollout.maxConcurrent", message: "should be less than or equal to 256"},

	{what: "an interval without a unit", spec: `{health: {interval: "30"}}`, field: "spec.health.interval", message: sayDuration},
	{what: "a time-out of nothing", spec: `{health: {timeout: 0s}}`, field: "spec.health.timeout", message: sayDuration},
	{what: "a negative delay", spec: `{health: {retryDelay: -5s}}`, field: "spec.health.retryDelay", message: sayDuration},
	{what: "a startup of two days", spec: `{health: {startupTimeout: 48h}}`, field: "spec.health.startupTimeout", message: sayDuration},
	{what: "no retry", spec: `{health: {retries: 0}}`, field: "spec.health.retries", message: "should be greater than or equal to 1"},
	{what: "101 retries", spec: `{health: {retries: 101}}`, field: "spec.health.retries", message: "should be less than or equal to 100"},
	{what: "namespaces from nowhere", spec: `{allowedNamespaces: {from: Some}}`, field: "spec.allowedNamespaces.from", message: `supported values: "Same", "All", "Selector"`},
	{what: "namespaces by no selector", spec: `{allowedNamespaces: {from: Selector}}`, field: "spec.allowedNamespaces", message: "selector goes with from: Selector"},
	{what: "a selector that is not asked", spec: `{allowedNamespaces: {selector: {}}}`, field: "spec.allowedNamespaces", message: "selector goes with from: Selector"},
	{what: "a label without a key", spec: `{allowedNamespaces: {from: Selector, selector: {matchExpressions: [{operator: Exists}]}}}`, field: "spec.allowedNamespaces.selector.matchExpressions[0].key", message: "Required value"},
	{what: "a label without an operator", spec: `{allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a}]}}}`, field: "spec.allowedNamespaces.selector.matchExpressions[0].operator", message: "Required value"},
	{what: "an unknown operator", spec: `{allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Like, values: [b]}]}}}`, field: "spec.allowedNamespaces", message: sayOperator},
	{what: "in nothing", spec: `{allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: In}]}}}`, field: "spec.allowedNamespaces", message: sayOperator},
	{what: "existence with a value", spec: `{allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}}`, field: "spec.allowedNamespaces", message: sayOperator},
	{what: "an authority in a Secret without a name", spec: `{tls: {caSecretRef: {name: ""}}}`, field: "spec.tls.caSecretRef.name", message: "should be at least 1 chars long"},
	{what: "an authority under no key", spec: `{tls: {caSecretRef: {name: a, key: ""}}}`, field: "spec.tls.caSecretRef.key", message: "should be at least 1 chars long"},
	{what: "an authority twice", spec: `{tls: {caSecretRef: {name: a}, fingerprint: "` + aFingerprint + `"}}`, field: "spec.tls", message: sayOneTLS},
	{what: "an authority in no Secret", spec: `{tls: {caSecretRef: {key: a}}}`, field: "spec.tls.caSecretRef.name", message: "Required value"},
	{what: "a template twice in the policy", spec: `{policy: {templates: [a, a]}}`, field: "spec.policy.templates[1]", message: `Duplicate value: "a"`},
	{what: "a bridge twice in the policy", spec: `{policy: {bridges: [a, a]}}`, field: "spec.policy.bridges[1]", message: `Duplicate value: "a"`},
	{what: "an empty template in the policy", spec: `{policy: {templates: [""]}}`, field: "spec.policy.templates[0]", message: "should be at least 1 chars long"},
	{what: "an empty bridge in the policy", spec: `{policy: {bridges: [""]}}`, field: "spec.policy.bridges[0]", message: "should be at least 1 chars long"},

	{what: "polling ten times a second", spec: `{pollInterval: 100ms}`, field: "spec.pollInterval", message: "pollInterval must be at least 1s"},
	{what: "polling in words", spec: `{pollInterval: often}`, field: "spec.pollInterval", message: sayDuration},
}

var acceptedHosts = `
{}
{instance: a}
{instance: home-1}
{endpoints: ["http://127.0.0.1:8006/", "https://[fd00::1]:8006", "https://pve", "https://PVE2.Example.Com:65535"]}
{tls: {}}
{tls: {caBundle: ` + aCertificate + `, insecureSkipVerify: false}}
{tls: {caBundle: "CN=Proxmox\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"}}
{tls: {fingerprint: "` + aFingerprint + `"}}
{tls: {fingerprint: "aa` + aFingerprint[2:] + `"}}
{tls: {insecureSkipVerify: true}}
{nodes: [pve1, PVE-2]}
{tls: {caSecretRef: {name: pve-ca}}}
{allowedNamespaces: {}}
{allowedNamespaces: {from: All}}
{allowedNamespaces: {from: Selector, selector: {}}}
{allowedNamespaces: {from: Selector, selector: {matchLabels: {kubernetes.io/metadata.name: homelab}}}}
{allowedNamespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: In, values: [b, c]}, {key: d, operator: NotIn, values: [e]}, {key: f, operator: Exists}, {key: g, operator: DoesNotExist}]}}}
{policy: {templates: ["local:vztmpl/nixos-*"], bridges: [vmbr0, vmbr1]}}
{vmidRange: {from: 100, to: 100}}
{vmidRange: {from: 100, to: 999999999}}
{network: {cidr: "fd00::/64", gateway: "fe80::1", dnsServers: ["fd00::53", 9.9.9.9]}}
{network: {cidr: 192.168.1.1/24, gateway: 10.0.0.1, vlanTag: 1, bridge: vnet1}}
{network: {cidr: 10.0.0.0/8, vlanTag: 4094, domain: lan, dnsServers: []}}
{network: {cidr: 192.168.1.0/24, domain: Home.Example.Com}}
{network: {sshPublicKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNnbm4/+= anna n@home", "ecdsa-sha2-nistp256 AAAA", "sk-ssh-ed25519@openssh.com AAAA= key", "ssh-rsa AAAA"]}}
{defaults: {}}
{defaults: {timezone: Europe/Berlin, features: {keyctl: false, fuse: false, mount: []}}}
{defaults: {template: "local:vztmpl/nixos.tar.xz", storage: local-zfs, resources: {memory: 1Gi, cpu: "0.5", storage: 4Gi, swap: 0}, unprivileged: false, features: {nesting: true}}}
{phases: []}
{phases: [{name: storage and media, services: [nextcloud, media]}, {name: empty}]}
{rollout: {gate: Dependencies, maxConcurrent: 1, unknownHealth: Proceed}}
{rollout: {maxConcurrent: 256}}
{rollout: {degraded: Hold}}
{policy: {hostPaths: [/tank/media, /srv]}}
{policy: {probeHosts: [auth.example.com, 192.168.1.10, 10.0.0.0/8, "fd00::1", "fd00::/64"]}}
{exec: {ssh: {privateKeySecretRef: {name: ssh}, knownHosts: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA", user: nixmox, port: 2222, addresses: {pve1: 10.0.0.1, pve2: "10.0.0.2:22", pve3: "[fd00::1]:22", pve4: "fd00::1", pve5: pve5.lan}}}}
{health: {interval: 5s, timeout: 1s, retries: 1, retryDelay: 500ms, startupTimeout: 1h}}
{pollInterval: 1s}
`
