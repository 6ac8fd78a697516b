package pvesim

import "fmt"

// Scope says from where a simulated service can be reached.
type Scope string

// Scopes of a service's ports.
const (
	// ScopeLocalhost answers only to commands inside the container.
	ScopeLocalhost Scope = "localhost"
	// ScopeAddress answers at the container's address too: a real listener on the loopback address that the world maps it to.
	ScopeAddress Scope = "address"
)

// Service is what runs in a container. It is ready some time after the container's start task has ended, and again after
// every restart.
type Service struct {
	// Hostname or VMID says in which container it runs.
	Hostname string `json:"hostname,omitempty"`
	VMID     int    `json:"vmid,omitempty"`
	// ReadyAfter is in simulated seconds.
	ReadyAfter float64 `json:"ready_after,omitempty"`
	// Units are systemd units that `systemctl is-active` reports; they are active once the service is ready.
	Units []string      `json:"units,omitempty"`
	HTTP  []HTTPService `json:"http,omitempty"`
	TCP   []TCPService  `json:"tcp,omitempty"`
	// Commands by name, with the exit code that they give once the service is ready; before, it is 1.
	Commands map[string]int `json:"commands,omitempty"`
	// Files that `cat` and `test` see inside the container.
	Files map[string]string `json:"files,omitempty"`
}

// HTTPService answers one path on one port.
type HTTPService struct {
	Port int `json:"port"`
	// Path is / by default.
	Path string `json:"path,omitempty"`
	// Status is 200 by default.
	Status int    `json:"status,omitempty"`
	Body   string `json:"body,omitempty"`
	Scope  Scope  `json:"scope,omitempty"`
}

// TCPService accepts connections on one port.
type TCPService struct {
	Port  int   `json:"port"`
	Scope Scope `json:"scope,omitempty"`
}

func (s *Service) fillDefaults() {
	for i := range s.HTTP {
		port := &s.HTTP[i]
		if port.Path == "" {
			port.Path = "/"
		}
		if port.Status == 0 {
			port.Status = 200
		}
		if port.Scope == "" {
			port.Scope = ScopeLocalhost
		}
	}
	for i := range s.TCP {
		if s.TCP[i].Scope == "" {
			s.TCP[i].Scope = ScopeLocalhost
		}
	}
}

func (s *Service) check() error {
	if (s.Hostname == "") == (s.VMID == 0) {
		return fmt.Errorf("hostname: give either hostname or vmid")
	}
	if len(s.Units)+len(s.HTTP)+len(s.TCP)+len(s.Commands)+len(s.Files) == 0 {
		return fmt.Errorf("units: give at least one of units, http, tcp, commands and files")
	}
	if s.ReadyAfter < 0 {
		return fmt.Errorf("ready_after: must not be negative")
	}
	for i, port := range s.HTTP {
		if err := checkPort(port.Port, port.Scope); err != nil {
			return fmt.Errorf("http[%d].%w", i, err)
		}
		if port.Status < 100 || port.Status > 599 {
			return fmt.Errorf("http[%d].status: %d is no HTTP status", i, port.Status)
		}
		if port.Path[0] != '/' {
			return fmt.Errorf("http[%d].path: must begin with a slash", i)
		}
	}
	for i, port := range s.TCP {
		if err := checkPort(port.Port, port.Scope); err != nil {
			return fmt.Errorf("tcp[%d].%w", i, err)
		}
	}
	return nil
}

func checkPort(port int, scope Scope) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("port: must be 1 to 65535, not %d", port)
	}
	if scope != ScopeLocalhost && scope != ScopeAddress {
		return fmt.Errorf("scope: must be localhost or address, not %q", scope)
	}
	return nil
}
