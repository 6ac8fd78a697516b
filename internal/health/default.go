package health

import (
	"strconv"
	"strings"
)

// DefaultCheck is the check of a service that gives none: a connect to its first
// TCP port, else that the container runs. ports are the texts of the manifest:
// "5432", "5432/tcp", "53/udp". (Known patterns by the service's name come before the
// ports, once there are some.)
func DefaultCheck(ports []string) Check {
	for _, text := range ports {
		number, protocol, _ := strings.Cut(text, "/")
		if protocol != "" && !strings.EqualFold(protocol, "tcp") {
			continue
		}
		if port, err := strconv.ParseUint(number, 10, 16); err == nil && port != 0 {
			return Check{Kind: KindTCP, Port: uint16(port)}
		}
	}
	return Check{Kind: KindRunning}
}
