package pvesim_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestErrorsLookAsProxmoxSendsThem(t *testing.T) {
	c := start(t)
	for sentence, test := range map[string]struct {
		token, verb, path, pair string
		status                  int
		reason, message         string
	}{
		"no token is no ticket":            {"", "GET", "/version", "", 401, "No ticket", ""},
		"a wrong secret fails":             {"root@pam!lab=x", "GET", "/version", "", 401, "Authentication failed!", ""},
		"an unknown path is a 501":         {c.token, "GET", "/nope", "", 501, "Method 'GET /nope' not implemented", "Method 'GET /nope' not implemented"},
		"a missing container is a 500":     {c.token, "GET", lxc + "/999/config", "", 500, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist", "Configuration file 'nodes/pve1/lxc/999.conf' does not exist\n"},
		"no privilege hides that":          {"nixmox@pve!none=cccc", "GET", lxc + "/999/config", "", 403, "Permission check failed (/vms/999, VM.Audit)", "Permission check failed (/vms/999, VM.Audit)\n"},
		"an unknown node is looked up":     {c.token, "GET", "/nodes/pve9/lxc", "", 500, "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known", "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known\n"},
		"parameters are checked":           {c.token, "GET", "/version", "x=1", 400, "Parameter verification failed.", "Parameter verification failed.\n"},
		"a used VMID is a parameter error": {c.token, "GET", "/cluster/nextid", "vmid=99", 400, "Parameter verification failed.", "Parameter verification failed.\n"},
	} {
		t.Run(sentence, func(t *testing.T) {
			var pairs []string
			if test.pair != "" {
				pairs = append(pairs, test.pair)
			}
			got := c.as(test.token).call(test.verb, test.path, pairs...)
			if got.Status != test.status || got.Reason != test.reason || got.Message != test.message {
				t.Errorf("got %d %q %q", got.Status, got.Reason, got.Message)
			}
			if test.status == 401 && got.Raw != "" {
				t.Errorf("a 401 has a body: %q", got.Raw)
			}
		})
	}
}

func TestA401IsLate(t *testing.T) {
	c := startScaled(t, 10)
	before := time.Now()
	c.as("").call("GET", "/version")
	if waited := time.Since(before); waited < 300*time.Millisecond {
		t.Errorf("answered after %s, want 3 s of simulated time", waited)
	}
}

func TestErrorsCloseTheConnection(t *testing.T) {
	c := start(t)
	for sentence, test := range map[string]struct{ request, status string }{
		"DELETE has no body":            {"DELETE /api2/json/version HTTP/1.1\r\nContent-Length: 3\r\n%s\r\nx=1", "HTTP/1.1 501 Unexpected content for method 'DELETE'"},
		"PATCH is no method of Proxmox": {"PATCH /api2/json/version HTTP/1.1\r\n%s\r\n", "HTTP/1.1 501 method 'PATCH' not available"},
		"plain text is no content type": {"PUT /api2/json/version HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n%s\r\nx=1", "HTTP/1.1 506 upload 'Content-Type 'text/plain' not implemented"},
	} {
		t.Run(sentence, func(t *testing.T) {
			connection, err := net.Dial("tcp", strings.TrimPrefix(c.sim.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			fmt.Fprintf(connection, test.request, "Host: x\r\nAuthorization: PVEAPIToken="+c.token+"\r\n")
			lines := bufio.NewScanner(connection)
			var all []string
			for lines.Scan() {
				all = append(all, lines.Text())
			}
			if len(all) == 0 || all[0] != test.status {
				t.Fatalf("got %q", all)
			}
			if !strings.Contains(strings.Join(all, "\n"), "Connection: close") {
				t.Errorf("the connection is not closed: %q", all)
			}
		})
	}
}

func TestTheCallLogHasNoSecrets(t *testing.T) {
	c := start(t)
	c.create("100", "password=geheim", "hostname=web")
	c.log.mu.Lock()
	text := c.log.text.String()
	c.log.mu.Unlock()
	if strings.Contains(text, "geheim") || strings.Contains(text, "aaaa") {
		t.Errorf("a secret is in the log: %s", text)
	}
	var seen []string
	for _, entry := range c.log.entries(t) {
		switch {
		case entry.Kind == "call" && entry.Method == "POST":
			seen = append(seen, fmt.Sprint(entry.Method, " ", entry.Path, " ", entry.Status, " ", entry.Token, " ", entry.Params["hostname"]))
		case entry.Kind != "call":
			seen = append(seen, fmt.Sprint(entry.Kind, " ", entry.Type, " ", entry.VMID, " ", entry.ExitStatus))
		}
	}
	want := "task-start vzcreate 100 |POST /nodes/pve1/lxc 200 root@pam!lab web|task-end vzcreate 100 OK"
	if got := strings.Join(seen, "|"); got != want {
		t.Errorf("log says %s, want %s", got, want)
	}
}

func TestATicketNeedsItsTokenAgainstForgery(t *testing.T) {
	c := start(t)
	ticket := c.as("").ok("POST", "/access/ticket", "username=root@pam", "password=secret").(map[string]any)
	if ticket["username"] != "root@pam" || ticket["CSRFPreventionToken"] == "" {
		t.Errorf("ticket is %v", ticket)
	}
	if got := c.as("").call("POST", "/access/ticket", "username=root@pam", "password=wrong"); got.Status != 401 || got.Reason != "authentication failure" {
		t.Errorf("a wrong password: %d %s", got.Status, got.Reason)
	}
}
