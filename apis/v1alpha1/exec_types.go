package v1alpha1

// ExecSettings say how commands get into containers. Proxmox has no call for it: it is done on the node that holds the container.
type ExecSettings struct {
	// ssh logs in to the node and runs `pct exec` there, or the wrapper nixmox-exec where it is installed.
	// +required
	SSH SSHSettings `json:"ssh"`
}

// SSHSettings say how to log in to the Proxmox nodes.
type SSHSettings struct {
	// user to log in as (default root). Another user needs the wrapper nixmox-exec and a line for sudo.
	// +optional
	// +kubebuilder:default=root
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z_][a-z0-9_-]*$')",message="user must be the name of a Linux user, such as root"
	User string `json:"user,omitempty"`

	// port of the nodes' SSH servers (default 22).
	// +optional
	// +kubebuilder:default=22
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// privateKeySecretRef names the Secret, in the host's namespace, whose key ssh-privatekey holds the private key to log in with,
	// without a passphrase. It is read again every minute, and at once when the host changes, when a node refuses the key, and on request.
	// +required
	PrivateKeySecretRef SecretReference `json:"privateKeySecretRef"`

	// knownHosts pins the nodes' host keys: lines as in ~/.ssh/known_hosts, with the node's name, address or [address]:port, or a key
	// alone, which then holds for every node. A node that shows another key is refused, and the message says which it showed.
	// +required
	// +kubebuilder:validation:MaxLength=16384
	// +kubebuilder:validation:XValidation:rule="self.matches('(ssh|ecdsa|sk)-[a-zA-Z0-9@.-]+ AAAA')",message="knownHosts must hold host keys, such as pve1 ssh-ed25519 AAAA..., as ssh-keyscan prints them"
	KnownHosts string `json:"knownHosts"`

	// addresses of the nodes by name, where they are not the names themselves: an address or a name, with or without a port. A single
	// node is asked at the endpoint's address.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Addresses map[string]NodeAddress `json:"addresses,omitempty"`
}

// NodeAddress is HOST or HOST:PORT, with an IPv6 address in brackets where a port follows.
//
// +kubebuilder:validation:MaxLength=260
// +kubebuilder:validation:Pattern=`^([a-zA-Z0-9.-]+(:[1-9][0-9]{0,4})?|\[[0-9a-fA-F:.]+\](:[1-9][0-9]{0,4})?|[0-9a-fA-F:.]+)$`
type NodeAddress string
