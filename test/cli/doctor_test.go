package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	testlab "github.com/nixmox/nixmox-controller/test/lab"
)

// What a token lacks is found by the controller and printed with the line that mends it; once it is mended, nothing is wrong.
func TestDoctorPrintsTheLineThatMendsIt(t *testing.T) {
	t.Parallel()
	world := strings.NewReplacer(
		`"VM.Config.Options", `, "", `"NixMoxStorage": [`, `"NixMoxWhole": ["VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.PowerMgmt"], "NixMoxStorage": [`,
		`"/storage/local-zfs": "NixMoxStorage", `, "",
	).Replace(testlab.World)
	l := newLab(t, testlab.Options{World: world})
	l.Host()
	findings := func() []struct {
		Host, Name, Message, Fix string
		OK                       bool
	} {
		var all []struct {
			Host, Name, Message, Fix string
			OK                       bool
		}
		out, _ := l.run("doctor", "-o", "json")
		if err := json.Unmarshal([]byte(out), &all); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		return all
	}
	l.eventually("the controller has looked", func() bool { return len(findings()) >= 5 })
	out := l.expect(1, words("doctor"),
		"✘ "+l.Namespace+"/default  privileges (nixmox@pve!ctl lacks VM.Config.Options on /vms)\n"+
			`    pveum role add NixMoxMissing --privs "VM.Config.Options" && pveum acl modify /vms --users nixmox@pve --roles NixMoxMissing`+
			` && pveum acl modify /vms --tokens 'nixmox@pve!ctl' --roles NixMoxMissing`,
		"storages (nixmox@pve!ctl lacks Datastore.AllocateSpace, Datastore.Audit on /storage/local-zfs)\n    pveum acl modify /storage/local-zfs --users nixmox@pve --roles PVEDatastoreUser",
		"✔ "+l.Namespace+"/default  connection", "✔ "+l.Namespace+"/default  bridge (Can be used: vmbr0)", "✔ "+l.Namespace+"/default  template")
	if strings.Contains(out, "s3cret") {
		t.Error("the secret is shown")
	}
	// As somebody who ran those lines.
	for path, role := range map[string]string{"/vms": "NixMoxWhole", "/storage/local-zfs": "PVEDatastoreUser"} {
		if err := l.PVE.SetACL("nixmox@pve", path, role); err != nil {
			t.Fatal(err)
		}
	}
	l.kubectl("patch", "nmh", "default", "--type", "merge", "-p", `{"spec":{"pollInterval":"2s"}}`) // another spec is looked at again at once
	l.eventually("nothing is wrong", func() bool {
		for _, f := range findings() {
			if !f.OK {
				return false
			}
		}
		return true
	})
	l.expect(0, words("doctor"), "✔ "+l.Namespace+"/default  privileges (All that containers need on /vms is granted)")
}

// Where the credentials are refused, doctor says that, and what is to be done.
func TestDoctorOfAHostThatRefusesTheCredentials(t *testing.T) {
	t.Parallel()
	l := newLab(t, testlab.Options{World: strings.Replace(testlab.World, `"secret": "s3cret-s3cret"`, `"secret": "another"`, 1)})
	l.Host()
	l.eventually("the controller has tried", func() bool {
		out, code := l.run("doctor")
		return code == 1 && strings.Contains(out, "✘ "+l.Namespace+"/default  connection (") && strings.Contains(out, "Secret")
	})
	l.Service("lost", `{ip: 192.168.99.30, hostname: lost, hostRef: {name: nowhere}}`)
	l.expect(1, words("doctor"), "✘ "+l.Namespace+"/nowhere  host (there is no NixMoxHost "+l.Namespace+"/nowhere, and services refer to it)")
}

// Commands in containers that nobody needs are nothing that is missing.
func TestDoctorWithoutCommandsInContainers(t *testing.T) {
	t.Parallel()
	l := newLab(t, testlab.Options{World: testlab.World})
	l.Host(func(h *v1alpha1.NixMoxHost) { h.Spec.Exec = nil })
	l.eventually("nothing is missing", func() bool {
		out, code := l.run("doctor")
		return code == 0 && strings.Contains(out, "✔ "+l.Namespace+"/default  commands in containers (")
	})
	l.Service("a", `{ip: 192.168.99.11, hostname: a, healthCheck: systemctl is-active --quiet a}`)
	l.eventually("a service needs them", func() bool {
		out, code := l.run("doctor")
		return code == 1 && strings.Contains(out, "✘ "+l.Namespace+"/default  commands in containers (")
	})
}
