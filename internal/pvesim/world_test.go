package pvesim_test

import (
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

func TestABadWorldNamesTheField(t *testing.T) {
	for sentence, test := range map[string]struct{ old, new, want string }{
		"an unknown field":             {`"durations"`, `"duration"`, `unknown field "duration"`},
		"a text for a number":          {`"cpus": 2`, `"cpus": "two"`, "line 2: cannot unmarshal string into Go struct field Node.nodes.cpus"},
		"an unknown task type":         {`"vzstop": 1`, `"vzhalt": 1`, "durations.vzhalt: there is no such task type"},
		"an unknown role":              {`"/vms": "NixMox"`, `"/vms": "Nix"`, `users.nixmox@pve.acl./vms: there is no role "Nix"`},
		"an unknown privilege":         {`"VM.Allocate"`, `"VM.Monitor"`, "roles.NixMox: invalid privilege 'VM.Monitor'"},
		"a token without its user":     {`"root@pam!lab"`, `"rot@pam!lab"`, `tokens.root.id: there is no user "rot@pam"`},
		"another prefix length":        {`"127.0.99.0/24"`, `"127.0.98.0/23"`, "loopback.192.168.99.0/24: 127.0.98.0/23 has another prefix length"},
		"a target that is no loopback": {`"127.0.99.0/24"`, `"10.0.99.0/24"`, "loopback.192.168.99.0/24: 10.0.99.0/24 is not inside 127.0.0.0/8"},
		"a port out of range":          {`"port": 28081`, `"port": 0`, "services[0].tcp[0].port: must be 1 to 65535, not 0"},
		"an unknown scope":             {`"scope": "localhost"`, `"scope": "world"`, `services[0].http[0].scope: must be localhost or address, not "world"`},
		"an unknown storage type":      {`"type": "dir"`, `"type": "floppy"`, "storages.local.type"},
		"a template of nowhere":        {`"local:vztmpl/alpine.tar.gz"`, `"alpine.tar.gz"`, "templates[1].volid"},
		"something behind the end":     {"\n}", "\n} x", "behind the closing brace"},
	} {
		t.Run(sentence, func(t *testing.T) {
			text := strings.Replace(worldText, test.old, test.new, 1)
			if strings.HasPrefix(test.old, "\n}") {
				text = worldText + " x"
			}
			_, err := pvesim.ParseWorld([]byte(text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}
