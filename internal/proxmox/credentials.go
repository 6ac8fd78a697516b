package proxmox

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Credentials are who we are: an API token, or a user with a password, for whom we hold a ticket.
type Credentials struct {
	// TokenID is "user@realm!name", TokenSecret the value shown once when the
	// token was made. White space around both is dropped.
	TokenID, TokenSecret string
	// Username is "user@realm"; it is used when there is no token.
	Username, Password string
}

// Identity is the name under which Proxmox lists our tasks.
func (c Credentials) Identity() string {
	if c.TokenID != "" {
		return c.TokenID
	}
	return c.Username
}

var (
	tokenIDPattern  = regexp.MustCompile(`^[^@!\s:/]+@[A-Za-z][A-Za-z0-9._-]*![A-Za-z][A-Za-z0-9._-]*$`)
	usernamePattern = regexp.MustCompile(`^[^@!\s:/]+@[A-Za-z][A-Za-z0-9._-]*$`)
)

// normalized checks the form. Nothing is echoed: a secret pasted into the wrong field must not reach a log.
func (c Credentials) normalized() (Credentials, error) {
	c.TokenID, c.TokenSecret, c.Username = strings.TrimSpace(c.TokenID), strings.TrimSpace(c.TokenSecret), strings.TrimSpace(c.Username)
	switch {
	case c.TokenID == "" && c.Username != "":
		if !usernamePattern.MatchString(c.Username) {
			return c, errors.New("the user name does not have the form user@realm, for example nixmox@pve")
		}
		if c.Password = strings.TrimRight(c.Password, "\r\n"); c.Password == "" {
			return c, errors.New("the password is empty")
		}
	case !tokenIDPattern.MatchString(c.TokenID):
		return c, errors.New("the token id does not have the form user@realm!name, for example nixmox@pve!controller")
	case c.TokenSecret == "" || strings.ContainsAny(c.TokenSecret, " \t\r\n"):
		return c, errors.New("the token secret is empty or has white space in it: it is the value that Proxmox showed when the token was made")
	}
	return c, nil
}

// auth proves who we are, request by request. Another set of credentials is another auth.
type auth struct {
	Credentials

	mu     sync.Mutex
	ticket string
	csrf   string
	since  time.Time
}

// renewAfter is well within the two hours that a ticket lives.
const renewAfter = time.Hour

// secrets are what must not come back in an error text.
func (a *auth) secrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return []string{a.TokenSecret, a.Password, a.ticket}
}

// apply puts the proof on a request. login makes the call for a ticket; the calls of others wait for it.
func (a *auth) apply(request *http.Request, login func(username, password string) (ticket, csrf string, failed *Error)) *Error {
	if a.TokenID != "" {
		request.Header.Set("Authorization", "PVEAPIToken="+a.TokenID+"="+a.TokenSecret)
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if age := time.Since(a.since); a.ticket == "" || age > renewAfter {
		ticket, csrf, failed := "", "", (*Error)(nil)
		if a.ticket != "" {
			// The old ticket renews itself, without the password; where that is refused the password is tried.
			ticket, csrf, failed = login(a.Username, a.ticket)
		}
		if ticket == "" && (failed == nil || IsUnauthorized(failed)) {
			ticket, csrf, failed = login(a.Username, a.Password)
		}
		if failed != nil {
			return failed
		}
		a.ticket, a.csrf, a.since = ticket, csrf, time.Now()
	}
	request.Header.Set("Cookie", "PVEAuthCookie="+a.ticket) // as it is: Proxmox only undoes % escapes, and a ticket has none
	if request.Method != http.MethodGet {
		request.Header.Set("CSRFPreventionToken", a.csrf)
	}
	return nil
}

// refused forgets a ticket that was not accepted, as after a restart of a node with another clock or key. It reports whether another try
// may do better: a token will not become valid by itself, nor a ticket that is as new as can be.
func (a *auth) refused() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	again := a.TokenID == "" && a.ticket != "" && time.Since(a.since) > time.Minute
	a.ticket = ""
	return again
}

// login asks an endpoint for a ticket. A refusal of it says nothing but that user and password do not fit.
func (t *transport) login(ctx context.Context, endpoint *url.URL, username, password string) (ticket, csrf string, failed *Error) {
	form := url.Values{"username": {username}, "password": {password}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, placeholderBase+"/access/ticket", strings.NewReader(form))
	if err != nil {
		return "", "", &Error{Method: http.MethodPost, Path: "/access/ticket", Err: err}
	}
	response, failed := t.deliver(request, endpoint)
	if failed != nil {
		failed.redact([]string{password})
		return "", "", failed
	}
	var reply struct {
		Data struct {
			Ticket  text
			CSRF    text `json:"CSRFPreventionToken"`
			NeedTFA boolean
		}
	}
	failed = &Error{Method: http.MethodPost, Path: "/access/ticket", Endpoint: endpoint.String(), Status: response.StatusCode, Sent: true}
	switch err := json.NewDecoder(response.Body).Decode(&reply); {
	case err != nil:
		failed.Err = errors.Join(ErrMalformed, err)
	case bool(reply.Data.NeedTFA):
		failed.Status, failed.FromProxmox = http.StatusUnauthorized, true
		failed.Message = "the user needs a second factor, which a controller does not have: use an API token"
	case reply.Data.Ticket == "":
		failed.Err = ErrMalformed
	default:
		return string(reply.Data.Ticket), string(reply.Data.CSRF), nil
	}
	return "", "", failed
}
