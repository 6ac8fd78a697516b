package nixmox

import (
	"fmt"
	"testing"
)

func TestFoldersOfTheNode(t *testing.T) {
	for text, want := range map[string]string{
		"/tank/media:/media":          "/tank/media /media false",
		"/tank/media/:/media/:ro":     "/tank/media /media true",
		"/tank//media:/a/./b:rw":      "/tank/media /a/b false",
		"/tank/my files:/my files":    "/tank/my files /my files false",
		"/tank/media":                 "",
		"tank:/media":                 "",
		"/:/media":                    "",
		"/tank:/":                     "",
		"/tank/../etc:/etc":           "",
		"/dev/dri:/dev/dri":           "",
		"/tank,ro=1:/media":           "",
		"/tank:/media:z":              "",
		"/tank:/media:ro:something":   "",
		"/development:/srv/dev-stuff": "/development /srv/dev-stuff false",
	} {
		from, to, readOnly, ok := folders(text)
		got := ""
		if ok {
			got = fmt.Sprint(from, " ", to, " ", readOnly)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

func TestAVolumeIsCalledByItsPlace(t *testing.T) {
	var names []string
	for _, c := range []struct{ place, want string }{
		{"/var/lib/postgresql", "postgresql"}, {"/data", "data"}, {"/srv/data", "data-2"}, {"/My Files", "my-files"}, {"/äöü", "volume"}, {"/rootfs", "volume-2"},
	} {
		name := nameOf(c.place, names)
		if name != c.want {
			t.Errorf("%s is called %s, want %s", c.place, name, c.want)
		}
		names = append(names, name)
	}
}
