package pvesim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nixmox/nixmox-controller/internal/pvesim/calllog"
	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

const (
	apiRoot  = "/api2/json"
	maxBody  = 512 << 10
	jsonType = "application/json;charset=UTF-8"
	// unauthorizedDelay is what a Proxmox node waits before every 401 (PVE/APIServer/AnyEvent.pm).
	unauthorizedDelay = 3 * time.Second
)

// reply is a good answer; total stands beside data in some lists.
type reply struct {
	Data  any  `json:"data"`
	Total *int `json:"total,omitempty"`

	// raw stands in data's place if it is set: JSON that is ready.
	raw    []byte
	garble string
}

// serve answers one request in the order of PVE/APIServer/AnyEvent.pm and PVE/HTTPServer.pm: verb, authentication, body,
// route, then what dispatch checks.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request) {
	entry := calllog.Entry{Time: time.Now(), Kind: calllog.KindCall, Method: r.Method, Status: http.StatusOK}
	entry.Path = strings.TrimPrefix(r.URL.Path, apiRoot)
	answer, err := s.answer(r, &entry)
	if errors.Is(err, errLost) {
		entry.Status, entry.Reason = 0, errLost.Error()
		s.calls.Write(entry)
		panic(http.ErrAbortHandler) // closes the connection
	}
	if err != nil {
		fault := asAPIError(err)
		entry.Status, entry.Reason = fault.status, fault.reason()
		s.calls.Write(entry)
		writeFault(w, r, fault)
		return
	}
	s.calls.Write(entry)
	writeReply(w, answer)
}

func (s *Simulator) answer(r *http.Request, entry *calllog.Entry) (*reply, error) {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete:
	default:
		return nil, &apiError{status: 501, message: fmt.Sprintf("method '%s' not available", r.Method), bare: true, empty: true}
	}
	path, isAPI := strings.CutPrefix(strings.TrimRight(r.URL.Path, "/"), apiRoot)
	if !isAPI {
		return nil, &apiError{status: 404, message: fmt.Sprintf("no such file '%s'", r.URL.Path), bare: true}
	}
	who, err := s.authenticate(r, path)
	if err != nil {
		return nil, err
	}
	entry.Token = who.tokenID()
	values, err := readParameters(r)
	if err != nil {
		return nil, err
	}
	entry.Params = redacted(values)
	vmid, _ := strconv.Atoi(values["vmid"].Text)
	if match := guestPath.FindStringSubmatch(path); match != nil {
		vmid, _ = strconv.Atoi(match[1])
	}
	s.lock()
	fault := s.callFault(r.Method, path, vmid)
	s.mu.Unlock()
	return s.withFault(fault, func() (*reply, error) { return s.dispatch(r.Method, path, s.contacted(r), who, values) })
}

var guestPath = regexp.MustCompile(`/lxc/(\d+)(?:/|$)`)

// readParameters collects query and body. A body belongs to POST and PUT alone.
func readParameters(r *http.Request) (schema.Values, error) {
	values := make(schema.Values)
	addForm(values, r.URL.Query())
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		if r.ContentLength != 0 {
			return nil, &apiError{status: 501, message: fmt.Sprintf("Unexpected content for method '%s'", r.Method), bare: true}
		}
		delete(values, "_dc")
		return values, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, &apiError{status: 400, message: "bad request", bare: true}
	}
	if len(body) > maxBody {
		return nil, &apiError{status: 501, message: fmt.Sprintf("for data too large (length %d)", len(body)), bare: true}
	}
	contentType := r.Header.Get("Content-Type")
	switch {
	case len(body) == 0:
	case strings.HasPrefix(contentType, "application/json"):
		sent, err := schema.ParseJSON(body)
		if err != nil {
			return nil, &apiError{status: 400, message: "bad request - malformed JSON", bare: true}
		}
		for name, value := range sent {
			values[name] = value
		}
	case contentType == "" || strings.HasPrefix(contentType, "application/x-www-form-urlencoded"):
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, &apiError{status: 400, message: "bad request", bare: true}
		}
		addForm(values, form)
	default:
		message := fmt.Sprintf("upload 'Content-Type '%s' not implemented", contentType)
		return nil, &apiError{status: 506, message: message, bare: true}
	}
	delete(values, "_dc")
	return values, nil
}

func addForm(values schema.Values, form url.Values) {
	for name, texts := range form {
		if len(texts) == 1 {
			values[name] = schema.Value{Text: texts[0]}
			continue
		}
		items := make([]schema.Value, len(texts))
		for i, text := range texts {
			items[i] = schema.Value{Text: text}
		}
		values[name] = schema.Value{Kind: schema.Array, Items: items}
	}
}

// secretParameters never reach the call log.
var secretParameters = map[string]bool{
	"password": true, "ssh-public-keys": true, "vncticket": true, "ticket": true, "otp": true, "value": true, "env": true,
}

func redacted(values schema.Values) map[string]string {
	params := make(map[string]string, len(values))
	for name, value := range values {
		if secretParameters[name] {
			params[name] = "(not logged)"
			continue
		}
		params[name] = value.Text
	}
	return params
}

func asAPIError(err error) *apiError {
	var fault *apiError
	if errors.As(err, &fault) {
		return fault
	}
	return &apiError{status: 500, message: err.Error() + "\n"}
}

func writeReply(w http.ResponseWriter, answer *reply) {
	var body bytes.Buffer
	if answer.raw != nil {
		body.Grow(len(answer.raw) + 10)
		body.WriteString(`{"data":`)
		body.Write(answer.raw)
		body.WriteByte('}')
	} else if err := encodeJSON(&body, answer); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	switch answer.garble {
	case "truncated":
		body.Truncate(body.Len() / 2)
	case "malformed":
		body.Reset()
		body.WriteString("<html>502 Bad Gateway</html>")
	}
	header := w.Header()
	header.Set("Cache-Control", "max-age=0")
	header.Set("Content-Type", jsonType)
	header.Set("Pragma", "no-cache")
	header.Set("Server", "pve-api-daemon/3.0")
	_, _ = w.Write(body.Bytes()) // the caller went away: nothing is cancelled, as on a real node
}

func encodeJSON(buffer *bytes.Buffer, value any) error {
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	buffer.Truncate(buffer.Len() - 1)
	return nil
}

// writeFault writes an error on the connection itself: Go's server sends its own reason phrases, clients of Proxmox read
// Proxmox's. The connection is closed after it, as Proxmox does from 400 on.
func writeFault(w http.ResponseWriter, r *http.Request, fault *apiError) {
	body, contentType := faultBody(fault)
	_, _ = io.CopyN(io.Discard, r.Body, maxBody) // unread input would make the close a reset
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		w.WriteHeader(fault.status)
		_, _ = w.Write(body)
		return
	}
	connection, _, err := hijacker.Hijack()
	if err != nil {
		return
	}
	defer connection.Close()
	var text bytes.Buffer
	fmt.Fprintf(&text, "HTTP/1.1 %d %s\r\n", fault.status, strings.ReplaceAll(fault.reason(), "\r", " "))
	fmt.Fprintf(&text, "Cache-Control: max-age=0\r\nConnection: close\r\nDate: %s\r\nPragma: no-cache\r\nServer: pve-api-daemon/3.0\r\n",
		time.Now().UTC().Format(http.TimeFormat))
	fmt.Fprintf(&text, "Content-Length: %d\r\n", len(body))
	if contentType != "" {
		fmt.Fprintf(&text, "Content-Type: %s\r\n", contentType)
	}
	text.WriteString("\r\n")
	text.Write(body)
	_, _ = connection.Write(text.Bytes())
}

func faultBody(fault *apiError) (body []byte, contentType string) {
	switch {
	case fault.empty:
		return nil, ""
	case fault.bare:
		return []byte(fault.message), ""
	}
	var buffer bytes.Buffer
	content := struct {
		Data    any               `json:"data"`
		Message string            `json:"message"`
		Errors  map[string]string `json:"errors,omitempty"`
	}{Message: fault.message, Errors: fault.errors}
	if err := encodeJSON(&buffer, content); err != nil {
		return nil, ""
	}
	return buffer.Bytes(), jsonType
}
