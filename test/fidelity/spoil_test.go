package fidelity

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spoiler changes the answers to one kind of request on their way to the replayer.
type spoiler struct {
	next   http.RoundTripper
	method string
	path   string
	spoil  func(*http.Response, string) string
}

func (s *spoiler) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := s.next.RoundTrip(request)
	if err != nil || request.Method != s.method || !strings.HasSuffix(request.URL.Opaque, s.path) {
		return answer, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(strings.NewReader(s.spoil(answer, string(text))))
	return answer, err
}

func replace(from, to string) func(*http.Response, string) string {
	return func(_ *http.Response, text string) string { return strings.ReplaceAll(text, from, to) }
}

// Each of these is a mistake that a simulator could make and a client could trip over.
func TestAWrongAnswerIsFound(t *testing.T) {
	for sentence, test := range map[string]struct {
		method, path string
		spoil        func(*http.Response, string) string
		want         []string
	}{
		"nothing is wrong":         {"GET", "/none", nil, nil},
		"a number instead of text": {"GET", "/cluster/nextid", replace(`"601"`, `601`), []string{"free"}},
		"another status": {"POST", "/lxc", func(r *http.Response, text string) string {
			r.StatusCode, r.Status = 201, "201 OK"
			return text
		}, []string{"create"}},
		"another reason phrase": {"POST", "/lxc", func(r *http.Response, text string) string {
			r.Status = "200 Fine"
			return text
		}, []string{"create"}},
		"another type of content": {"POST", "/lxc", func(r *http.Response, text string) string {
			r.Header.Set("Content-Type", "application/json")
			return text
		}, []string{"create"}},
		"a task with another type":           {"POST", "/lxc", replace("vzcreate", "vzrestore"), []string{"create"}},
		"a body too many":                    {"POST", "/lxc", func(_ *http.Response, text string) string { return text + "x" }, []string{"create"}},
		"a message with another end of line": {"GET", "/cluster/nextid", replace(`already exists`, `already exists `), []string{"used"}},
		"a task that failed":                 {"GET", "/status", replace(`"exitstatus":"OK"`, `"exitstatus":"no"`), []string{"create"}},
		"a log with another end":             {"GET", "/log", replace(`TASK OK`, `TASK FINE`), []string{"create"}},
		"a key of another name":              {"GET", "/cluster/nextid", replace(`"errors"`, `"error"`), []string{"used", "too-small", "not-a-number"}},
		"null instead of nothing":            {"GET", "/cluster/nextid", replace(`{"data":"100"}`, `{"data":"100","errors":null}`), []string{"next", "again-no-reservation", "next-still", "nopriv"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			runner, transport := simulated(t, 100)
			runner.Client.http.Transport = &spoiler{next: transport, method: test.method, path: test.path, spoil: test.spoil}
			scenarios, err := Scenarios(Data(), "nextid")
			if err != nil {
				t.Fatal(err)
			}
			verdicts := Compare(recorded(t, "nextid"), runner.Run(t.Context(), scenarios[0]))
			var found []string
			for _, verdict := range verdicts {
				if !verdict.Equal() {
					found = append(found, verdict.Step)
				}
			}
			if diff := cmp.Diff(test.want, found); diff != "" {
				var report bytes.Buffer
				Report(&report, scenarios[0], verdicts)
				t.Errorf("steps that differ (-want +got):\n%s\n%s", diff, report.String())
			}
		})
	}
}
