package proxmox

import (
	"fmt"
	"maps"
	"strconv"
)

// Startup is the value of the startup key: the place in the order in which a
// node starts its guests. A nil field is unset.
type Startup struct {
	Order *int
	// UpSeconds is the pause after this guest's start, DownSeconds the time
	// that its shutdown may take.
	UpSeconds, DownSeconds *int
	// Other holds keys that this version does not know, as they are.
	Other map[string]string
}

// ParseStartup reads a startup value; "" is all unset. The order may stand as
// a bare number.
func ParseStartup(s string) (Startup, error) {
	props, err := parseProps(s, "order")
	if err != nil {
		return Startup{}, fmt.Errorf("startup %q: %w", s, err)
	}
	var parsed Startup
	for _, p := range props {
		if field := parsed.field(p.key); field != nil {
			value, err := strconv.Atoi(p.value)
			if err != nil || value < 0 {
				return Startup{}, fmt.Errorf("startup %q: %s is not a number", s, p.key)
			}
			*field = &value
			continue
		}
		parsed.Other = keep(parsed.Other, p)
	}
	return parsed, nil
}

func (s *Startup) field(key string) **int {
	switch key {
	case "order":
		return &s.Order
	case "up":
		return &s.UpSeconds
	case "down":
		return &s.DownSeconds
	default:
		return nil
	}
}

// String writes the value for the startup key; "" if all is unset, in which
// case delete the key.
func (s Startup) String() string {
	var w propWriter
	for _, key := range []string{"order", "up", "down"} {
		if value := *s.field(key); value != nil {
			w.add(key, strconv.Itoa(*value))
		}
	}
	w.rest(s.Other)
	return w.String()
}

// Equal compares by meaning.
func (s Startup) Equal(o Startup) bool {
	return samePointer(s.Order, o.Order) && samePointer(s.UpSeconds, o.UpSeconds) &&
		samePointer(s.DownSeconds, o.DownSeconds) && maps.Equal(s.Other, o.Other)
}
