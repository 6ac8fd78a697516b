package pvesim

import "testing"

// A file that was read and written is stable from then on: that is what digests are good for.
func FuzzConfigText(f *testing.F) {
	for _, seed := range []string{
		"#first%3A line\n#\nhostname: web\nmemory: 512\n", "tags: \n", "a: b\n\n[pve:pending]\ndelete: a\nb: c\n\n[snap]\n#x\na: b\nsnaptime: 1\n",
		"lxc.mount.auto: sys\nlock: create\n", "[", "#%", "#%zz\nx1: \t y \n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := parseConfig(text).render()
		twice := parseConfig(once).render()
		thrice := parseConfig(twice).render()
		if twice != thrice {
			t.Errorf("%q became %q, then %q", text, twice, thrice)
		}
	})
}
