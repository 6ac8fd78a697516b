package proxmox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzReply: whatever a server sends, there is a verdict and one clean line.
func FuzzReply(f *testing.F) {
	f.Add(200, "OK", `{"data":null}`)
	f.Add(500, "CT 100 already exists", `{"data":null,"message":"x\n"}`)
	f.Add(400, "Parameter verification failed.", `{"errors":{"a":"b\n","c":["d"]},"message":7}`)
	f.Add(400, "", `{"errors":[]}`)
	f.Add(596, "", "")
	f.Add(500, "Internal Server Error", "\x00\xff\r\nplain")
	f.Fuzz(func(t *testing.T, status int, reason, body string) {
		if status < 100 || status > 999 {
			return
		}
		e := &Error{Method: http.MethodPost, Path: "/nodes", Endpoint: "https://pve1"}
		response := &http.Response{StatusCode: status, Status: strconv.Itoa(status) + " " + reason, Header: http.Header{}}
		failed := e.judge(response, []byte(body), nil)
		if success := status >= 200 && status < 300; !success && !failed {
			t.Fatalf("status %d is no failure", status)
		}
		if !failed {
			return
		}
		e.redact([]string{"secret"})
		text := e.Error()
		if strings.ContainsAny(text, "\n\r\x00") || !utf8.ValidString(text) {
			t.Fatalf("not a clean line: %q", text)
		}
		MayHaveHappened(e)
		IsUnreachable(e)
		LockHeld(e)
		MissingPrivilege(e)
	})
}

// FuzzConfig: a config reply is read or refused, never more.
func FuzzConfig(f *testing.F) {
	f.Add(`{"net0":"name=eth0","memory":"512","lxc":[["a","b"]],"mp0":"a:1,mp=/x","cpulimit":"0.5"}`)
	f.Fuzz(func(t *testing.T, body string) {
		var raw map[string]json.RawMessage
		if decode([]byte(body), &raw) != nil {
			return
		}
		config, err := parseConfig(raw)
		if (config == nil) == (err == nil) {
			t.Fatalf("%v and %v", config, err)
		}
	})
}
