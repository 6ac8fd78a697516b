package proxmox

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim"
)

func TestATicketIsTakenOnceAndRenewedByItself(t *testing.T) {
	a := &auth{Credentials: Credentials{Username: "nixmox@pve", Password: "pw"}}
	var with []string
	refuse := map[string]bool{}
	login := func(_, password string) (string, string, *Error) {
		with = append(with, password)
		if refuse[password] {
			return "", "", &Error{Method: "POST", Path: "/access/ticket", Status: 401, Sent: true}
		}
		return "ticket" + time.Duration(len(with)).String(), "csrf", nil
	}
	call := func(method string) *http.Request {
		t.Helper()
		request := httptest.NewRequest(method, "/", nil)
		if failed := a.apply(request, login); failed != nil {
			t.Fatal(failed)
		}
		return request
	}
	if r := call("GET"); r.Header.Get("Cookie") != "PVEAuthCookie=ticket1ns" || r.Header.Get("CSRFPreventionToken") != "" {
		t.Errorf("a read: %v", r.Header)
	}
	if r := call("POST"); r.Header.Get("CSRFPreventionToken") != "csrf" {
		t.Errorf("a change: %v", r.Header)
	}
	a.since = a.since.Add(-renewAfter - time.Minute)
	call("GET")
	if !slices.Equal(with, []string{"pw", "ticket1ns"}) {
		t.Errorf("logged in with %v", with)
	}
	a.since, refuse["ticket2ns"] = a.since.Add(-3*time.Hour), true
	call("GET")
	if !slices.Equal(with[2:], []string{"ticket2ns", "pw"}) {
		t.Errorf("logged in with %v", with)
	}
	if a.refused() {
		t.Error("a ticket that is as new as can be is tried again")
	}
	call("GET")
	a.since = a.since.Add(-2 * time.Minute)
	if !a.refused() {
		t.Error("an older ticket is not tried again")
	}
}

func TestAUserWithAPasswordWorksAsATokenDoes(t *testing.T) {
	world, err := pvesim.ParseWorld([]byte(`{"nodes": [{"name": "pve1"}], "storages": {"local": {"type": "dir", "content": ["rootdir", "vztmpl"]}},
		"templates": [{"volid": "local:vztmpl/a.tar.xz", "ostype": "nixos"}], "users": {"root@pam": {"acl": {"/": "Administrator"}, "password": "pass word"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	sim, err := pvesim.New(world, pvesim.Options{TimeScale: 100})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	server := httptest.NewServer(sim.Handler())
	defer server.Close()
	c, err := New(Options{Endpoints: []string{server.URL}, Username: "root@pam", Password: "pass word"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resources(t.Context()); err != nil {
		t.Fatal(err)
	}
	upid, err := c.Create(t.Context(), "pve1", 900, Params{"ostemplate": "local:vztmpl/a.tar.xz", "rootfs": "local:1", "unprivileged": "1"})
	if err != nil || upid.User != "root@pam" {
		t.Fatalf("%v by %q", err, upid.User)
	}
	// The cluster has a new key: the ticket of an hour ago is refused, and a change is repeated with a new one.
	sim.ExpireTickets()
	c.transport.auth.Load().since = time.Now().Add(-30 * time.Minute)
	if err := c.SetConfig(t.Context(), "pve1", 900, Params{"onboot": "1"}, nil, ""); err != nil {
		t.Error(err)
	}
	if err := c.SetCredentials(Credentials{Username: "root@pam", Password: "wrong"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Resources(t.Context()); !IsUnauthorized(err) {
		t.Errorf("a wrong password: %v", err)
	}
	for what, c := range map[string]Credentials{
		"nobody": {}, "no realm": {Username: "root", Password: "x"}, "no password": {Username: "root@pam"}, "a token's name alone": {TokenID: "root@pam!x"},
	} {
		if _, err := c.normalized(); err == nil {
			t.Errorf("%s has the form of credentials", what)
		}
	}
}
