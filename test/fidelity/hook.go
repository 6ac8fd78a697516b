package fidelity

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// CommandHook is a hook that runs a command of the shell, in which {vmid} stands for the container, such as
// "ssh pve1 pct unlock {vmid}".
func CommandHook(command string) Hook {
	return func(ctx context.Context, vmid int) error {
		text := strings.ReplaceAll(command, "{vmid}", strconv.Itoa(vmid))
		if said, err := exec.CommandContext(ctx, "sh", "-c", text).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", text, err, strings.TrimSpace(string(said)))
		}
		return nil
	}
}
