package proxmox_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nixmox/nixmox-controller/internal/proxmox"
)

// predicates by name: every case below must hold for exactly those it names.
var predicates = map[string]func(error) bool{
	"not exist":         proxmox.IsNotExist,
	"locked":            proxmox.IsLocked,
	"lock timeout":      proxmox.IsLockTimeout,
	"no quorum":         proxmox.IsNoQuorum,
	"already exists":    proxmox.IsAlreadyExists,
	"already running":   proxmox.IsAlreadyRunning,
	"not running":       proxmox.IsNotRunning,
	"already sized":     proxmox.IsAlreadySized,
	"digest mismatch":   proxmox.IsDigestMismatch,
	"no such task":      proxmox.IsNoSuchTask,
	"unauthorized":      proxmox.IsUnauthorized,
	"forbidden":         proxmox.IsForbidden,
	"bad parameter":     proxmox.IsParameterRefused,
	"unreachable":       proxmox.IsUnreachable,
	"tls":               proxmox.IsTLS,
	"malformed":         func(err error) bool { return errors.Is(err, proxmox.ErrMalformed) },
	"may have happened": proxmox.MayHaveHappened,
}

func holding(err error) []string {
	var names []string
	for name, holds := range predicates {
		if holds(err) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

const mayHaveHappened = "may have happened"

type call func(context.Context, *proxmox.Client) error

func create(ctx context.Context, c *proxmox.Client) error {
	_, err := c.Create(ctx, "pve1", 100, proxmox.Params{"ostemplate": "local:vztmpl/x.tar.xz", "password": "hunter2hunter2"})
	return err
}

func start(ctx context.Context, c *proxmox.Client) error {
	_, err := c.Start(ctx, "pve1", 100)
	return err
}

func shutdown(ctx context.Context, c *proxmox.Client) error {
	_, err := c.Shutdown(ctx, "pve1", 100, 0, false)
	return err
}

func destroy(ctx context.Context, c *proxmox.Client) error {
	_, err := c.Destroy(ctx, "pve1", 100, proxmox.DestroyOptions{})
	return err
}

func resize(ctx context.Context, c *proxmox.Client) error {
	_, err := c.Resize(ctx, "pve1", 100, "rootfs", "8G")
	return err
}

func setConfig(ctx context.Context, c *proxmox.Client) error {
	return c.SetConfig(ctx, "pve1", 100, proxmox.Params{"memory": "16"}, nil, "d1gest")
}

func config(ctx context.Context, c *proxmox.Client) error {
	_, err := c.Config(ctx, "pve1", 100)
	return err
}

func version(ctx context.Context, c *proxmox.Client) error {
	_, err := c.Version(ctx)
	return err
}

func vmidFree(ctx context.Context, c *proxmox.Client) error {
	_, err := c.VMIDFree(ctx, 100)
	return err
}

func task(ctx context.Context, c *proxmox.Client) error {
	upid, err := proxmox.ParseUPID(exampleUPID)
	if err != nil {
		panic(err)
	}
	_, err = c.Task(ctx, upid)
	return err
}

// TestMeaning is the table of what Proxmox answers, and what we make of it.
func TestMeaning(t *testing.T) {
	for name, tt := range map[string]struct {
		call   call
		answer answer
		want   []string
		text   string // must be in Error()
	}{
		"a value is refused": {
			setConfig, badParameter("memory", "value must have a minimum value of 16"),
			[]string{"bad parameter"}, "400 Parameter verification failed: memory: value must have a minimum value of 16",
		},
		"a nested value is refused": {
			setConfig, badParameter("net0", `invalid format - format error\nnet0.ip: invalid format - value does not look like a valid ipv4 network configuration\n\n`),
			[]string{"bad parameter"}, "net0: invalid format - format error; net0.ip: invalid format",
		},
		"an error map in a 500": {
			resize, answer{status: 500, reason: "format error", body: `{"data":null,"errors":{"volume":"property is missing and it is not optional"},"message":"format error\n"}`},
			nil, "500 format error: volume: property is missing",
		},
		"a container that is not on the node": {
			config, refused(500, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist"),
			[]string{"not exist"}, "GET /nodes/pve1/lxc/100/config: 500 Configuration file 'nodes/pve1/lxc/999.conf' does not exist",
		},
		"before 8.4 only the reason phrase speaks": {
			config, answer{status: 500, reason: "Configuration file 'nodes/pve1/lxc/999.conf' does not exist", body: `{"data":null}`},
			[]string{"not exist"}, "does not exist",
		},
		"a privilege is missing": {
			config, refused(403, "Permission check failed (/vms/100, VM.Audit)"),
			[]string{"forbidden"}, "403 Permission check failed (/vms/100, VM.Audit)",
		},
		"only root may": {
			setConfig, refused(403, "Permission check failed (mount point type bind is only allowed for root@pam)"),
			[]string{"forbidden"}, "only allowed for root@pam",
		},
		"the token is not accepted": {
			config, answer{status: 401, reason: "Authentication failed!"}, []string{"unauthorized"}, "401 Authentication failed!",
		},
		"the token is not accepted for a change": {
			create, answer{status: 401, reason: "no such token 'ctl' for user 'nixmox@pve'"}, []string{"unauthorized"}, "no such token",
		},
		"no ticket": {version, answer{status: 401, reason: "No ticket"}, []string{"unauthorized"}, "No ticket"},
		"unknown path": {
			version, refused(501, "Method 'GET /version' not implemented"), nil, "501 Method 'GET /version' not implemented",
		},
		"plain text of the HTTP layer": {
			destroy, answer{status: 501, reason: "Unexpected content for method 'DELETE'", body: "Unexpected content for method 'DELETE'"},
			nil, "501 Unexpected content for method 'DELETE'",
		},
		"unknown node": {
			config, refused(500, "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known"),
			nil, "hostname lookup 'pve9' failed",
		},
		"the node is down, for a read": {
			config, answer{status: 595, reason: "No route to host"}, []string{"unreachable"}, "595 No route to host",
		},
		"the node is down, for a change": {
			setConfig, answer{status: 595, reason: "Connection refused"}, []string{"unreachable"}, "595 Connection refused",
		},
		"the proxy gave up after 30 s": {
			setConfig, answer{status: 596, reason: "Connection timed out"}, []string{mayHaveHappened, "unreachable"}, "596 Connection timed out",
		},
		"a 596 without any word": {
			create, answer{status: 596}, []string{mayHaveHappened, "unreachable"}, "596 the node does not answer",
		},
		"a 599": {start, answer{status: 599, reason: "Too many redirections"}, []string{mayHaveHappened, "unreachable"}, "599"},
		"a gateway's own error page": {
			create, answer{status: 502, reason: "Bad Gateway", body: "<html>nginx</html>"}, []string{mayHaveHappened, "unreachable"}, "502",
		},
		"a 500 that is not Proxmox's": {
			create, answer{status: 500, reason: "Internal Server Error", body: "oops"}, []string{mayHaveHappened}, "500 oops",
		},
		"no quorum": {
			create, refused(500, "cluster not ready - no quorum?"), []string{"no quorum"}, "cluster not ready - no quorum?",
		},
		"the config changed meanwhile": {
			setConfig, refused(500, "detected modified configuration - file changed by other user? Try again."), []string{"digest mismatch"}, "Try again.",
		},
		"the lock file is held": {
			setConfig, refused(500, "can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout"), []string{"lock timeout"}, "got timeout",
		},
		"a config lock": {setConfig, refused(500, "CT is locked (backup)"), []string{"locked"}, "CT is locked (backup)"},
		"replication holds the migration lock": {
			destroy, refused(500, "Failed to obtain guest migration lock - replication running?"), []string{"lock timeout"}, "migration lock",
		},
		"the VMID is taken": {
			create, refused(500, "CT 100 already exists on node 'pve1'"), []string{"already exists"}, "CT 100 already exists on node 'pve1'",
		},
		"the VMID is a virtual machine": {
			create, refused(500, "VM 100 already exists on node 'pve1'"), []string{"already exists"}, "",
		},
		"it runs already":        {start, refused(500, "CT 100 already running"), []string{"already running"}, ""},
		"it does not run":        {shutdown, refused(500, "CT 100 not running"), []string{"not running"}, ""},
		"it does not run, as VM": {shutdown, refused(500, "VM 100 not running"), []string{"not running"}, ""},
		"it has the size": {
			resize, refused(500, "disk is already at specified size"), []string{"already sized"}, "",
		},
		"it is protected": {
			destroy, refused(500, "can't remove CT 100 - protection mode enabled"), nil, "protection mode enabled",
		},
		"no worker was reported": {
			create, refused(500, "got no worker upid - start worker failed"), []string{mayHaveHappened}, "got no worker upid",
		},
		"a 500 after the change was stored": {
			setConfig, refused(500, "bridge 'vmbr9' does not exist"), []string{mayHaveHappened}, "bridge 'vmbr9' does not exist",
		},
		"a protected volume": {
			setConfig, refused(500, "can't update CT 679 drive 'mp1' - protection mode enabled"), nil, "protection mode enabled",
		},
		"a 500 before anything was stored": {setConfig, refused(500, "no options specified"), nil, ""},
		"the task is forgotten": {
			task, badParameter("upid", "no such task"), []string{"bad parameter", "no such task"}, "upid: no such task",
		},
		"a bad VMID": {
			vmidFree, badParameter("vmid", `invalid format - value does not look like a valid VM ID\n`), []string{"bad parameter"}, "valid VM ID",
		},
		"a success without JSON, for a read": {
			version, answer{status: 200, reason: "OK", body: "<html>login</html>"}, []string{"malformed"}, "not a JSON object",
		},
		"a success without JSON, for a change": {
			create, answer{status: 200, reason: "OK", body: "<html>login</html>"}, []string{"malformed", mayHaveHappened}, "not a JSON object",
		},
		"an empty success":              {setConfig, answer{status: 200, reason: "OK"}, []string{"malformed", mayHaveHappened}, "empty"},
		"a success without data":        {version, answer{status: 200, reason: "OK", body: `{"success":1}`}, []string{"malformed"}, "no data"},
		"a success with a list of data": {version, ok(`[1,2]`), []string{"malformed"}, "unexpected shape"},
		"a task without UPID":           {start, ok(`null`), []string{"malformed", mayHaveHappened}, "no data"},
		"a task with a strange UPID":    {start, ok(`"fine"`), []string{"malformed", mayHaveHappened}, `"fine" is not a task id`},
		"JSON cut short":                {config, answer{status: 200, reason: "OK", body: `{"data":{"mem`}, []string{"malformed"}, ""},
		"a read's reply broken off": {
			config, answer{status: 200, reason: "OK", body: `{"data":{"mem`, short: true}, []string{"malformed", "unreachable"}, "broke off",
		},
		"a change's reply broken off": {
			create, answer{status: 200, reason: "OK", body: `{"da`, short: true}, []string{"malformed", mayHaveHappened, "unreachable"}, "broke off",
		},
		"a refusal broken off stays a refusal": {
			create, answer{status: 500, reason: "CT 100 already exists on node 'pve1'", body: `{"da`, short: true}, []string{"already exists"}, "already exists",
		},
		"the reply to a read is lost":   {config, answer{hangUp: true}, []string{"unreachable"}, "no answer from"},
		"the reply to a change is lost": {create, answer{hangUp: true}, []string{mayHaveHappened, "unreachable"}, "no answer from"},
		"a redirect is not followed": {
			create, answer{status: 301, reason: "Moved Permanently"}, nil, "301 Moved Permanently",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newFake(t, always(tt.answer))
			err := tt.call(t.Context(), newClient(t, options(server.URL)))
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tt.want, holding(err)); diff != "" {
				t.Errorf("%v: predicates (-want +got):\n%s", err, diff)
			}
			var typed *proxmox.Error
			if !errors.As(err, &typed) {
				t.Fatalf("%v is a %T", err, err)
			}
			if !strings.Contains(err.Error(), tt.text) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("Error() = %q, want one line with %q", err, tt.text)
			}
			if typed.Status != tt.answer.status {
				t.Errorf("status %d, want %d", typed.Status, tt.answer.status)
			}
		})
	}
}

func TestWhatIsMissingOrHeld(t *testing.T) {
	forbidden := &proxmox.Error{Status: 403, Message: "Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)"}
	path, privilege, found := proxmox.MissingPrivilege(forbidden)
	if path != "/storage/local" || privilege != "Datastore.Audit|Datastore.AllocateSpace" || !found {
		t.Errorf("MissingPrivilege = %q, %q, %t", path, privilege, found)
	}
	rootOnly := &proxmox.Error{Status: 403, Message: "Permission check failed (changing the hookscript is only allowed for root@pam)"}
	if _, _, found := proxmox.MissingPrivilege(rootOnly); found {
		t.Error("a refusal without a path has one")
	}
	lock, found := proxmox.LockHeld(&proxmox.Error{Status: 500, Message: "CT is locked (snapshot-delete)"})
	if lock != "snapshot-delete" || !found {
		t.Errorf("LockHeld = %q, %t", lock, found)
	}
}

func TestFailedTasksHaveTheSameMeaning(t *testing.T) {
	for exit, want := range map[string][]string{
		"CT is locked (create)": {"locked"},
		"can't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout": {"lock timeout"},
		"Configuration file 'nodes/pve1/lxc/999.conf' does not exist":       {"not exist"},
		"startup for container '100' failed":                                nil,
	} {
		err := proxmox.TaskStatus{ExitStatus: exit}.Err()
		if diff := cmp.Diff(want, holding(err)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", exit, diff)
		}
	}
	for _, foreign := range []error{nil, errors.New("CT is locked (create)"), context.Canceled} {
		if got := holding(foreign); got != nil {
			t.Errorf("%v, not ours, is %v", foreign, got)
		}
	}
}
