package proxmox_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

func TestNewRefuses(t *testing.T) {
	good := options("https://pve1.example.com:8006")
	with := func(change func(*proxmox.Options)) proxmox.Options {
		changed := good
		change(&changed)
		return changed
	}
	for name, tt := range map[string]struct {
		options proxmox.Options
		want    string
	}{
		"no endpoint":              {with(func(o *proxmox.Options) { o.Endpoints = nil }), "no endpoint"},
		"a host without scheme":    {with(func(o *proxmox.Options) { o.Endpoints = []string{"pve1.example.com:8006"} }), "https://"},
		"an endpoint without host": {with(func(o *proxmox.Options) { o.Endpoints = []string{"https://"} }), "names no host"},
		"a second, bad endpoint":   {with(func(o *proxmox.Options) { o.Endpoints = append(o.Endpoints, "ftp://x") }), "ftp://x"},
		"a query":                  {with(func(o *proxmox.Options) { o.Endpoints = []string{"https://x/?a=b"} }), "query"},
		"a password in the URL":    {with(func(o *proxmox.Options) { o.Endpoints = []string{"https://root:hunter2@x"} }), "password"},
		"a bad port":               {with(func(o *proxmox.Options) { o.Endpoints = []string{"https://root:hunter2@x:port"} }), "not a URL"},
		"a user without token":     {with(func(o *proxmox.Options) { o.TokenID = "root@pam" }), "user@realm!name"},
		"the secret as token id":   {with(func(o *proxmox.Options) { o.TokenID = secret }), "user@realm!name"},
		"no secret":                {with(func(o *proxmox.Options) { o.TokenSecret = " \n" }), "token secret is empty"},
		"a secret of two lines":    {with(func(o *proxmox.Options) { o.TokenSecret = "a\nb" }), "white space"},
		"a short fingerprint":      {with(func(o *proxmox.Options) { o.Fingerprint = "AA:BB" }), "SHA-256"},
		"a CA that is no PEM":      {with(func(o *proxmox.Options) { o.RootCAs = []byte("nonsense") }), "PEM"},
		"a negative timeout":       {with(func(o *proxmox.Options) { o.Timeout = -1 }), "negative"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := proxmox.New(tt.options)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			for _, hidden := range []string{secret, "hunter2"} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("%v shows a secret", err)
				}
			}
		})
	}
	if _, err := proxmox.New(good); err != nil {
		t.Errorf("good options: %v", err)
	}
}

// TestOnTheWire pins how each call looks to Proxmox.
func TestOnTheWire(t *testing.T) {
	upid, _ := proxmox.ParseUPID(exampleUPID)
	quoted := ok(`"` + exampleUPID + `"`)
	ignore := func(_ any, err error) error { return err }
	for name, tt := range map[string]struct {
		call   call
		answer answer
		want   seen
	}{
		"create": {
			func(ctx context.Context, c *proxmox.Client) error {
				return ignore(c.Create(ctx, "pve1", 100, proxmox.Params{"net0": "name=eth0,bridge=vmbr0", "description": "a\nb & c"}))
			}, quoted,
			seen{Method: "POST", Path: "/nodes/pve1/lxc", Body: "description=a%0Ab+%26+c&net0=name%3Deth0%2Cbridge%3Dvmbr0&vmid=100"},
		},
		"migrate": {
			func(ctx context.Context, c *proxmox.Client) error {
				return ignore(c.Migrate(ctx, "pve1", 100, proxmox.MigrateOptions{Target: "pve2", Restart: true, Timeout: 90 * time.Second}))
			}, quoted,
			seen{Method: "POST", Path: "/nodes/pve1/lxc/100/migrate", Body: "restart=1&target=pve2&timeout=90"},
		},
		"migrate what is stopped": {
			func(ctx context.Context, c *proxmox.Client) error {
				return ignore(c.Migrate(ctx, "pve1", 100, proxmox.MigrateOptions{Target: "pve2", Timeout: 90 * time.Second}))
			}, quoted,
			seen{Method: "POST", Path: "/nodes/pve1/lxc/100/migrate", Body: "target=pve2"},
		},
		"set config": {
			func(ctx context.Context, c *proxmox.Client) error {
				set := proxmox.Params{}
				set.SetInt("memory", 2048)
				set.SetNumber("cpulimit", 1.5)
				set.SetBool("onboot", true)
				return c.SetConfig(ctx, "pve1", 100, set, []string{"swap", "mp1"}, "abc")
			}, ok("null"),
			seen{Method: "PUT", Path: "/nodes/pve1/lxc/100/config", Body: "cpulimit=1.5&delete=mp1%2Cswap&digest=abc&memory=2048&onboot=1"},
		},
		"resize": {
			resize, quoted,
			seen{Method: "PUT", Path: "/nodes/pve1/lxc/100/resize", Body: "disk=rootfs&size=8G"},
		},
		"start, which has no body": {start, quoted, seen{Method: "POST", Path: "/nodes/pve1/lxc/100/status/start"}},
		"shutdown": {
			func(ctx context.Context, c *proxmox.Client) error {
				return ignore(c.Shutdown(ctx, "pve1", 100, 1500*time.Millisecond, true))
			}, quoted,
			seen{Method: "POST", Path: "/nodes/pve1/lxc/100/status/shutdown", Body: "forceStop=1&timeout=2"},
		},
		"stop": {
			func(ctx context.Context, c *proxmox.Client) error { return ignore(c.Stop(ctx, "pve1", 100)) }, quoted,
			seen{Method: "POST", Path: "/nodes/pve1/lxc/100/status/stop"},
		},
		"destroy, whose parameters are in the query": {
			func(ctx context.Context, c *proxmox.Client) error {
				return ignore(c.Destroy(ctx, "pve1", 100, proxmox.DestroyOptions{Purge: true, Force: true}))
			}, quoted,
			seen{Method: "DELETE", Path: "/nodes/pve1/lxc/100", Query: "destroy-unreferenced-disks=0&force=1&purge=1"},
		},
		"config, live": {config, ok(`{}`), seen{Method: "GET", Path: "/nodes/pve1/lxc/100/config", Query: "current=1"}},
		"task": {
			task, ok(`{"status":"running"}`),
			seen{Method: "GET", Path: "/nodes/pve1/tasks/" + exampleUPID + "/status"},
		},
		"tasks": {
			func(ctx context.Context, c *proxmox.Client) error {
				return ignore(c.Tasks(ctx, "pve1", proxmox.TaskFilter{
					VMID: 100, Type: "vzcreate", Since: time.Unix(1700000000, 5), Limit: 10, User: "nixmox@pve!ctl",
				}))
			}, ok(`[]`),
			seen{Method: "GET", Path: "/nodes/pve1/tasks", Query: "limit=10&since=1700000000&source=all&typefilter=vzcreate&userfilter=nixmox%40pve%21ctl&vmid=100"},
		},
		"task log": {
			func(ctx context.Context, c *proxmox.Client) error { return ignore(c.TaskLog(ctx, upid, 5)) }, ok(`[]`),
			seen{Method: "GET", Path: "/nodes/pve1/tasks/" + exampleUPID + "/log", Query: "limit=10000"},
		},
		"storage content": {
			func(ctx context.Context, c *proxmox.Client) error {
				return ignore(c.StorageContent(ctx, "pve1", "local", proxmox.ContentTemplates))
			}, ok(`[]`),
			seen{Method: "GET", Path: "/nodes/pve1/storage/local/content", Query: "content=vztmpl"},
		},
		"permissions at a path": {
			func(ctx context.Context, c *proxmox.Client) error { return ignore(c.PermissionsAt(ctx, "/vms/100")) }, ok(`{}`),
			seen{Method: "GET", Path: "/access/permissions", Query: "path=%2Fvms%2F100"},
		},
		"a strange node name is escaped": {
			func(ctx context.Context, c *proxmox.Client) error {
				return ignore(c.Storages(ctx, "../../access?x=y#z"))
			}, ok(`[]`),
			seen{Method: "GET", Path: "/nodes/../../access?x=y#z/storage"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newFake(t, always(tt.answer))
			if err := tt.call(t.Context(), newClient(t, options(server.URL+"/"))); err != nil {
				t.Fatal(err)
			}
			want := tt.want
			want.Path = "/api2/json" + want.Path
			want.Authorization = "PVEAPIToken=nixmox@pve!ctl=" + secret
			if want.Body != "" {
				want.ContentType = "application/x-www-form-urlencoded"
			}
			if diff := cmp.Diff([]seen{want}, server.all()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecretsNeverComeBack(t *testing.T) {
	var observed []proxmox.Call
	server := newFake(t, always(answer{
		status: 400, reason: "Parameter verification failed for PVEAPIToken=" + secret,
		body: `{"errors":{"password":"value 'hunter2hunter2' is weak"},"message":"you sent ` + secret + `"}`,
	}))
	o := options(server.URL)
	o.Observe = func(c proxmox.Call) { observed = append(observed, c) }
	err := create(t.Context(), newClient(t, o))
	var typed *proxmox.Error
	if !errors.As(err, &typed) || len(observed) != 1 {
		t.Fatalf("%v, %d calls observed", err, len(observed))
	}
	for _, text := range []string{err.Error(), typed.Reason, typed.Message, typed.Fields["password"], observed[0].Err.Error()} {
		if strings.Contains(text, secret) || strings.Contains(text, "hunter2") {
			t.Errorf("a secret in %q", text)
		}
	}
	if s := (proxmox.Params{"password": "hunter2", "memory": "16"}).String(); s != "memory,password" {
		t.Errorf("Params print as %q", s)
	}
}

func TestObserveSeesEveryExchange(t *testing.T) {
	server := newFake(t, always(ok(`{"version":"9.2.11","release":"9.2"}`)))
	closed := closedEndpoint(t)
	o := options(closed, server.URL)
	type short struct {
		Method, Path, Endpoint string
		Status                 int
		Failed                 bool
	}
	var got []short
	o.Observe = func(c proxmox.Call) {
		if c.Duration <= 0 {
			t.Errorf("call took %s", c.Duration)
		}
		got = append(got, short{c.Method, c.Path, c.Endpoint, c.Status, c.Err != nil})
	}
	if err := version(t.Context(), newClient(t, o)); err != nil {
		t.Fatal(err)
	}
	want := []short{
		{"GET", "/version", closed + "/api2/json", 0, true},
		{"GET", "/version", server.URL + "/api2/json", 200, false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
