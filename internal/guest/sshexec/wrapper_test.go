package sshexec_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// On a node that root may not log in to, the key is another user's: the wrapper calls itself through sudo, with nothing of what came over SSH
// but the word that it checked.
func TestAnotherUserThanRootGoesThroughSudo(t *testing.T) {
	wrapper, err := filepath.Abs("../../../deploy/nixmox-exec")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{
		"id":   "#!/bin/sh\necho 1000\n",
		"sudo": "#!/bin/sh\nprintf '%s\\n' \"$@\" >" + dir + "/called\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for request, want := range map[string]string{
		"nixmox-exec run":           "-n\n" + wrapper + "\nrun\n",
		"nixmox-exec version":       "", // asks for nothing that needs root
		"nixmox-exec run; id":       "",
		"sh -c 'pct exec 100 -- w'": "",
	} {
		called := filepath.Join(dir, "called")
		_ = os.Remove(called)
		cmd := exec.CommandContext(t.Context(), "sh", wrapper)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "SSH_ORIGINAL_COMMAND=" + request}
		output, err := cmd.CombinedOutput()
		got, _ := os.ReadFile(called)
		if string(got) != want {
			t.Errorf("%s: sudo was called with %q, want %q", request, got, want)
		}
		if refused := err != nil; refused != (want == "" && !strings.HasSuffix(request, "version")) {
			t.Errorf("%s: %v: %s", request, err, output)
		}
	}
}
