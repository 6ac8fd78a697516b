package forecast_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/nixmox/nixmox-controller/apis/v1alpha1"
	"github.com/nixmox/nixmox-controller/internal/forecast"
)

func parse(t *testing.T, text string, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

const hostSpec = `{network: {cidr: 10.0.0.0/24, gateway: 10.0.0.1, domain: lan}, defaults: {template: "local:vztmpl/nixos.tar.xz", storage: tank}, phases: [{name: base, services: [db]}]}`

func host(t *testing.T, spec string) *v1alpha1.NixMoxHost {
	t.Helper()
	h := &v1alpha1.NixMoxHost{}
	h.Name, h.Namespace = "default", "home"
	parse(t, spec, &h.Spec)
	return h
}

// service has a spec and, in the cluster, a status.
func service(t *testing.T, name, spec, status string) v1alpha1.NixMoxService {
	t.Helper()
	s := v1alpha1.NixMoxService{}
	s.Name, s.Namespace, s.Generation = name, "home", 3
	parse(t, spec, &s.Spec)
	if status != "" {
		parse(t, status, &s.Status)
	}
	return s
}

const (
	db = `{ip: 10.0.0.2, hostname: db, resources: {memory: 1Gi}}`
	// asItIs is the status of that service once all is done.
	asItIs = `{observedGeneration: 3, vmid: 900, node: pve1, state: Running, template: "local:vztmpl/nixos.tar.xz", granted: {rootfs: 8Gi, data: 5Gi}, observed: {running: true,
hostname: db.lan, ip: 10.0.0.2/24, gateway: 10.0.0.1, bridge: vmbr0, memoryMiB: 1024, swapMiB: 512, cpu: "1", rootSize: 8Gi, rootVolume: "tank:subvol-900-disk-0", tags: [nixmox]}}`
)

// told is a forecast in the fewest words: a line for each service, and one below it for each step and refusal.
func told(h forecast.Host) string {
	var b strings.Builder
	for _, phase := range h.Phases {
		for _, s := range phase.Services {
			fmt.Fprintf(&b, "%d %s: %s", phase.Number, s.Name, s.Action)
			if s.Disrupts {
				b.WriteString(" (disrupts)")
			}
			if s.Cause != "" {
				b.WriteString(" because " + s.Cause)
			}
			b.WriteString("\n")
			for _, step := range s.Steps {
				fmt.Fprintf(&b, "  %s: %s\n", step.Kind, strings.Join(step.Causes, "; "))
			}
			for _, r := range s.Refused {
				fmt.Fprintf(&b, "  refused: %s\n", r)
			}
		}
	}
	return b.String()
}

func TestWhatWillHappen(t *testing.T) {
	for _, c := range []struct {
		name string
		wish string // spec of db
		live string // spec of db in the cluster; "" for none
		// status of db in the cluster
		status string
		want   string
		quiet  bool // nothing changes
	}{
		{"nothing is there", db, "", "", `
1 db: create
  Create: no container yet; db.lan at 10.0.0.2/24; 1024 MiB memory, 1 cpu, 8 GiB on tank; from local:vztmpl/nixos.tar.xz
  Start: created`, false},
		{"a volume and a folder of the node", `{ip: 10.0.0.2, hostname: db, volumes: [{name: data, mountPath: /data, size: 1536Mi}, {name: media, mountPath: /media, hostPath: /tank/media}]}`, "", "", `
1 db: create
  Create: no container yet; db.lan at 10.0.0.2/24; 512 MiB memory, 1 cpu, 8 GiB on tank; from local:vztmpl/nixos.tar.xz; volume data: 1536 MiB at /data; volume media: /tank/media of the node at /media; for root@pam in person, no API token: volume media none -> /tank/media of the node at /media
  Start: created`, false},
		{"all is as it should be", db, db, asItIs, `
1 db: nothing because as it should be`, true},
		{"more memory, in place", strings.Replace(db, "1Gi", "2Gi", 1), db, asItIs, `
1 db: change
  Configure: memory 1024 MiB -> 2048 MiB`, false},
		{"another hostname, with a restart", strings.Replace(db, "hostname: db", "hostname: sql", 1), db, asItIs, `
1 db: restart (disrupts)
  Configure: hostname db.lan -> sql.lan (owes a restart)
  Shutdown: restart to bring into effect: hostname
  Start: second half of the restart`, false},
		{"a smaller disk", `{ip: 10.0.0.2, hostname: db, resources: {memory: 1Gi, storage: 4Gi}}`, db, asItIs, `
1 db: refused
  refused: storage 8 GiB -> 4 GiB: disks never shrink; ask for at least what it has`, true},
		{"another template", `{ip: 10.0.0.2, hostname: db, resources: {memory: 1Gi}, template: "local:vztmpl/other.tar.xz"}`, db, asItIs, `
1 db: refused
  refused: template local:vztmpl/nixos.tar.xz -> local:vztmpl/other.tar.xz: a container keeps the template that it was created from; set it back, or make a new service`, true},
		{"disabled, and never made", `{ip: 10.0.0.2, hostname: db, enable: false}`, "", "", `
1 db: nothing because disabled`, true},
		{"to be disabled", `{ip: 10.0.0.2, hostname: db, resources: {memory: 1Gi}, enable: false}`, db, asItIs, `
1 db: stop (disrupts)
  Configure: start on boot on -> off
  Shutdown: disabled`, false},
		{"stopped", db, db, strings.NewReplacer("running: true", "running: false", "observedGeneration: 3", "observedGeneration: 2").Replace(asItIs), `
1 db: start
  Start: stopped`, false},
		{"suspended", strings.Replace(db, "{ip", "{suspend: true, ip", 1), db, asItIs, `
1 db: blocked because suspended: it is observed, and nothing is changed`, true},
		{"the controller's own plan, of this very spec", db, db, strings.Replace(asItIs, "vmid: 900", `vmid: 900, plan: ["Configure: memory 512 MiB -> 1024 MiB", "Refused: template a -> b: why"]`, 1), `
1 db: refused
  Configure: memory 512 MiB -> 1024 MiB
  refused: template a -> b: why`, true},
		{"to be adopted", `{ip: 10.0.0.2, hostname: db, vmid: 120, adopt: true}`, "", "", "\n1 db: adopt because container 120 is taken over; `adopt 120` says what would change on it", false},
		{"adopted, and more memory", `{ip: 10.0.0.2, hostname: db, vmid: 120, adopt: true, resources: {memory: 2Gi}}`, `{ip: 10.0.0.2, hostname: db, vmid: 120, adopt: true, resources: {memory: 1Gi}}`,
			strings.NewReplacer("hostname: db.lan", "hostname: db", "gateway: 10.0.0.1, ", "").Replace(asItIs), `
1 db: change
  Configure: memory 1024 MiB -> 2048 MiB`, false},
		{"an address of the other IP version", `{ip: "fd00::1", hostname: db}`, "", "", `
1 db: refused
  refused: spec.ip: fd00::1 has no prefix length, and the host's network 10.0.0.0/24 is of the other IP version: write it with a prefix, such as fd00::1/64`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := forecast.Input{Host: host(t, hostSpec), Services: []v1alpha1.NixMoxService{service(t, "db", c.wish, c.status)}}
			if c.live != "" {
				in.LiveHost, in.Live = host(t, hostSpec), []v1alpha1.NixMoxService{service(t, "db", c.live, c.status)}
			}
			h := forecast.Of(in)
			if diff := cmp.Diff(strings.TrimPrefix(c.want, "\n")+"\n", told(h)); diff != "" {
				t.Error(diff)
			}
			if h.Changes() == c.quiet {
				t.Errorf("something changes: %v", h.Changes())
			}
		})
	}
}

// Services in and behind a circle have no phase, and are told all the same; the summary counts each service once.
func TestWhatIsHeldBack(t *testing.T) {
	in := forecast.Input{Host: host(t, hostSpec), Services: []v1alpha1.NixMoxService{
		service(t, "db", db, ""), service(t, "a", `{ip: 10.0.0.3, hostname: a, dependsOn: [b]}`, ""), service(t, "b", `{ip: 10.0.0.4, hostname: b, dependsOn: [a]}`, ""),
		service(t, "c", `{ip: 10.0.0.5, hostname: c, dependsOn: [a]}`, ""), service(t, "d", `{ip: 10.0.0.2, hostname: d}`, ""), service(t, "e", `{ip: 10.0.0.6, hostname: e, dependsOn: [x]}`, ""),
	}}
	h := forecast.Of(in)
	seen := map[string]forecast.Action{}
	for _, phase := range h.Phases {
		for _, s := range phase.Services {
			if _, twice := seen[s.Name]; twice {
				t.Errorf("%s is told twice", s.Name)
			}
			seen[s.Name] = s.Action
			if s.Action == forecast.Blocked && s.Cause == "" {
				t.Errorf("it is not said why %s is held back", s.Name)
			}
			if unordered := phase.Number == 0; unordered != (s.Name == "a" || s.Name == "b" || s.Name == "c") {
				t.Errorf("%s is in phase %d", s.Name, phase.Number)
			}
		}
	}
	want := map[string]forecast.Action{"a": forecast.Blocked, "b": forecast.Blocked, "c": forecast.Blocked, "d": forecast.Create, "e": forecast.Blocked, "db": forecast.Blocked}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	total := 0
	for _, n := range h.Summary {
		total += n
	}
	if total != 6 || h.Summary[forecast.Blocked] != 5 {
		t.Errorf("the summary is %v", h.Summary)
	}
}

// Where the host itself changes, its services are forecast anew: what the controller planned was for the host that it had.
func TestAnotherHostIsAnotherPlan(t *testing.T) {
	live := service(t, "db", db, asItIs)
	in := forecast.Input{
		Host: host(t, strings.Replace(hostSpec, "gateway: 10.0.0.1", "gateway: 10.0.0.254", 1)), Services: []v1alpha1.NixMoxService{live},
		LiveHost: host(t, hostSpec), Live: []v1alpha1.NixMoxService{live},
	}
	if diff := cmp.Diff("1 db: change\n  Configure: gateway 10.0.0.1 -> 10.0.0.254\n", told(forecast.Of(in))); diff != "" {
		t.Error(diff)
	}
}
