package schema

import "fmt"

// fault is a message of Proxmox's, to the letter: most end in a newline, which ours would not.
type fault string

// Error returns the message.
func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return fault(fmt.Sprintf(format, args...)) }
