package guest

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCappedKeepsShortOutputAndCutsBetweenCharacters(t *testing.T) {
	if got := Capped("short"); got != "short" {
		t.Errorf("Capped(short) = %q", got)
	}
	for _, pad := range []int{0, 1, 2} {
		long := strings.Repeat("x", pad) + strings.Repeat("€", MaxOutput)
		got := Capped(long)
		if len(got) > MaxOutput || len(got) < MaxOutput-utf8.UTFMax {
			t.Errorf("pad %d: length %d, want just below %d", pad, len(got), MaxOutput)
		}
		if !utf8.ValidString(got) {
			t.Errorf("pad %d: cut in the middle of a character", pad)
		}
	}
}
