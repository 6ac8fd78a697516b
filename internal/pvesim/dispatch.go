package pvesim

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nixmox/nixmox-controller/internal/pvesim/schema"
)

// call is one request on its way through a method. Methods run with the simulator's lock held; those that wait for
// something (a flock, the end of a proxied call) let go of it meanwhile, and read state again afterwards.
type call struct {
	*Simulator
	who    identity
	path   string
	node   string
	vmid   int
	params map[string]string
	// contacted is the node that the request was sent to.
	contacted string
}

// handler is one API method; it returns what stands in data, or a *reply.
type handler func(*call) (any, error)

// dispatch finds the method and makes the checks that come before it, in the order of PVE/HTTPServer.pm: route, doubled
// parameters, token allowed, permission, owning node, schema.
func (s *Simulator) dispatch(verb, path, contacted string, who identity, values schema.Values) (*reply, error) {
	route, placeholders := s.findRoute(verb, path)
	if route == nil {
		return nil, &apiError{status: 501, message: fmt.Sprintf("Method '%s %s' not implemented", verb, path)}
	}
	for name, text := range placeholders {
		if sent, doubled := values[name]; doubled && sent.Text != text {
			return nil, badParameter(name, "duplicate parameter (already defined in URI) with conflicting values!")
		}
		values[name] = schema.Value{Text: text}
	}
	if who.token != "" && !route.method.AllowToken {
		message := fmt.Sprintf("URI '%s%s' not available with API token, need proper ticket.\n", apiRoot, path)
		return nil, &apiError{status: 403, message: message}
	}
	c := &call{Simulator: s, who: who, path: path, contacted: contacted}
	s.lock()
	defer s.mu.Unlock()
	if err := c.checkPermissions(route.method.Permissions, values); err != nil {
		return nil, err
	}
	if err := c.findNode(values); err != nil {
		return nil, err
	}
	texts, faults := schema.Check(route.method.Parameters, values)
	if len(faults) > 0 {
		return nil, badParameters(faults)
	}
	if c.noQuorum && verb != "GET" && strings.HasPrefix(path, "/nodes/") {
		return nil, die("cluster not ready - no quorum?")
	}
	c.params = texts
	c.vmid, _ = strconv.Atoi(texts["vmid"])
	data, err := route.handle(c)
	if err != nil {
		return nil, err
	}
	if whole, ok := data.(*reply); ok {
		return whole, nil
	}
	return &reply{Data: data}, nil
}

// findNode resolves {node} and stands for the proxying to it: any node answers for all.
func (c *call) findNode(values schema.Values) error {
	value, given := values["node"]
	if !given {
		return nil
	}
	name := value.Text
	if name == "localhost" {
		name = c.contacted
		values["node"] = schema.Value{Text: name}
	}
	node := c.nodes[name]
	if node == nil {
		return die("hostname lookup '%s' failed - failed to get address info for: %s: Name or service not known", name, name)
	}
	if !node.online {
		return &apiError{status: 595, message: "No route to host", bare: true, empty: true}
	}
	c.node = name
	return nil
}

// has reports whether a parameter was sent.
func (c *call) has(name string) bool {
	_, given := c.params[name]
	return given
}

// text is a parameter's value; "" if it was not sent.
func (c *call) text(name string) string { return c.params[name] }

// isSet reports whether a boolean parameter was sent and is true.
func (c *call) isSet(name string) bool { return truthy(c.params[name]) }

// number is an integer parameter, or the default.
func (c *call) number(name string, otherwise int) int {
	if number, err := strconv.Atoi(c.params[name]); err == nil {
		return number
	}
	return otherwise
}

// truthy is Perl's idea of truth.
func truthy(text string) bool { return text != "" && text != "0" }

var errClosed = errors.New("received interrupt")

// route is one verb on one path pattern that the simulator answers.
type route struct {
	method *schema.Method
	handle handler
}

// findRoute finds the method for a path. A path of the tables that the simulator has no handler for is not there.
func (s *Simulator) findRoute(verb, path string) (*route, map[string]string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for pattern, handlers := range routes {
		placeholders, ok := matchPath(pattern, parts)
		if !ok {
			continue
		}
		handle := handlers[verb]
		method := s.table.Paths[pattern][verb]
		if handle == nil || method == nil {
			return nil, nil
		}
		return &route{method: method, handle: handle}, placeholders
	}
	return nil, nil
}

// matchPath compares a path with a pattern such as /nodes/{node}/lxc. {volume} takes all the rest, slashes included.
func matchPath(pattern string, parts []string) (map[string]string, bool) {
	wanted := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	placeholders := make(map[string]string)
	for i, want := range wanted {
		if i >= len(parts) {
			return nil, false
		}
		switch {
		case want == "{volume}":
			placeholders["volume"] = strings.Join(parts[i:], "/")
			return placeholders, true
		case strings.HasPrefix(want, "{"):
			placeholders[strings.Trim(want, "{}")] = parts[i]
		case want != parts[i]:
			return nil, false
		}
	}
	return placeholders, len(parts) == len(wanted)
}
