package script

import (
	"os/exec"
	"strings"
	"testing"
)

// shell runs a script and gives what it prints.
func shell(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", script, err, out)
	}
	return string(out)
}

// Whatever the text, the shell reads it as that one word.
func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"", "plain", "it's", `a\b`, "$HOME `id` $(id)", "two\nlines", "'", "''", `'\''`, "-n", "*", "~", "#x", "a=b", "\xff\xfe", "ü", "!x", "{a,b}", "x;y&z|", "\t", "\r\n"} {
		f.Add(seed, "x")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if strings.ContainsRune(one+two, 0) {
			if _, err := checkBytes(one + two); err == nil {
				t.Error("a NUL byte was taken")
			}
			return
		}
		want := "[" + one + "][" + two + "]"
		if got := shell(t, "printf '[%s]' "+Quote(one)+" "+Quote(two)); got != want {
			t.Errorf("the shell reads %q and %q as %q", one, two, got)
		}
		if got := shell(t, "# "+comment(one)+"\nprintf ok"); got != "ok" {
			t.Errorf("a comment of %q does not end with its line: %q", one, got)
		}
	})
}
