package pvesim

import (
	"fmt"
	"strings"
)

// apiError is an answer other than 200. The reason phrase of the status line is the first line of the message.
type apiError struct {
	status  int
	message string
	errors  map[string]string
	// bare answers have no JSON, as the HTTP layer itself made them: their body is the message, or empty.
	bare  bool
	empty bool
}

// Error is the message without its newline.
func (e *apiError) Error() string { return strings.TrimRight(e.message, "\n") }

func (e *apiError) reason() string {
	first, _, _ := strings.Cut(e.message, "\n")
	return first
}

// die is what a Perl die in a method becomes: a 500 with its text.
func die(format string, args ...any) error {
	return &apiError{status: 500, message: fmt.Sprintf(format, args...) + "\n"}
}

// badParameters is Proxmox's parameter exception.
func badParameters(faults map[string]string) error {
	return &apiError{status: 400, message: "Parameter verification failed.\n", errors: faults}
}

func badParameter(key, message string) error { return badParameters(map[string]string{key: message}) }

// forbidden is Proxmox's permission exception; what is a path and a privilege, or a sentence.
func forbidden(what string) error {
	return &apiError{status: 403, message: "Permission check failed (" + what + ")\n"}
}

// missingConfig is how Proxmox says that a container is not on that node (PVE/AbstractConfig.pm).
func missingConfig(node string, vmid int) error {
	return die("Configuration file 'nodes/%s/lxc/%d.conf' does not exist", node, vmid)
}
