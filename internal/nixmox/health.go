package nixmox

import (
	"fmt"
	"regexp"
	"strings"
)

// healthDefaults are the settings of the whole manifest, for the host.
func (c *converter) healthDefaults(m *attrs) map[string]any {
	health := map[string]any{}
	c.duration(m, "health_check_timeout", health, "timeout")
	c.duration(m, "retry_delay", health, "retryDelay")
	c.retries(m, "retry_attempts", health)
	return health
}

// health reads the service's check, its interface.health and what the manifest's health_checks say of it.
func (c *converter) health(s *attrs, theirs string, checks *attrs, spec map[string]any) {
	check, _ := s.text("health_check")
	health := map[string]any{}
	where := s.at("health_check")
	if own := s.nested("interface", "health"); own != nil {
		c.settings(own, health)
		for _, key := range []string{"startup", "liveness"} {
			if text, ok := own.text(key); ok && strings.TrimSpace(text) != "" {
				health[key] = text
			}
		}
		own.rest("unknown key; not taken over")
	}
	if v, ok := checks.values[theirs]; ok && v != nil {
		if text, isText := v.(string); isText {
			checks.take(theirs)
			check, _ = c.choose(check, text, where, checks.at(theirs))
		} else if more := checks.set(theirs); more.values != nil {
			c.settings(more, health)
			check, _ = c.alternative(more, []string{"command", "check", "url", "test"}, check, where)
			more.rest("unknown key; not taken over")
		}
	}
	if check = strings.TrimSpace(check); check != "" {
		spec["healthCheck"] = check
	}
	if len(health) > 0 {
		spec["health"] = health
	}
}

// nested is the attribute set below two keys, without counting the first as read.
func (a *attrs) nested(outer, inner string) *attrs {
	values, ok := a.values[outer].(map[string]any)
	if !ok {
		return nil
	}
	below, ok := values[inner].(map[string]any)
	if !ok {
		return nil
	}
	delete(values, inner) // it is read here; the rest of outer is listed elsewhere
	return newAttrs(a.c, a.at(outer)+"."+inner, below)
}

// alternative takes the first of keys as the check when there is none yet; a second one that differs is noted.
func (c *converter) alternative(a *attrs, keys []string, check, where string) (string, string) {
	for _, key := range keys {
		if text, ok := a.text(key); ok {
			check, where = c.choose(check, text, where, a.at(key))
		}
	}
	return check, where
}

func (c *converter) choose(check, other, where, otherWhere string) (string, string) {
	switch {
	case strings.TrimSpace(check) == "":
		return other, otherWhere
	case strings.TrimSpace(other) != strings.TrimSpace(check):
		c.note(otherWhere, fmt.Sprintf("the check of %s stands; %q is not taken over", where, other))
	}
	return check, where
}

func (c *converter) settings(a *attrs, health map[string]any) {
	c.duration(a, "interval", health, "interval")
	c.duration(a, "timeout", health, "timeout")
	c.retries(a, "retries", health)
}

func (c *converter) retries(a *attrs, key string, health map[string]any) {
	if n, ok := a.integer(key); ok {
		if n < 1 || n > 100 {
			c.note(a.at(key), fmt.Sprintf("%d is not from 1 to 100; not taken over", n))
			return
		}
		health["retries"] = n
	}
}

var (
	bareSeconds  = regexp.MustCompile(`^[0-9]{1,5}$`)
	durationText = regexp.MustCompile(`^([0-9]{1,5}(\.[0-9]{1,9})?(s|m|h)|[0-9]{1,8}ms){1,4}$`)
)

// duration reads seconds, or a text such as "30s" or "5 minutes".
func (c *converter) duration(a *attrs, key string, health map[string]any, field string) {
	text, ok := a.text(key)
	if !ok {
		return
	}
	d := strings.ReplaceAll(strings.ToLower(text), " ", "")
	for _, word := range []struct{ from, to string }{{"seconds", "s"}, {"second", "s"}, {"secs", "s"}, {"sec", "s"}, {"minutes", "m"}, {"minute", "m"}, {"mins", "m"}, {"min", "m"}, {"hours", "h"}, {"hour", "h"}} {
		d = strings.Replace(d, word.from, word.to, 1)
	}
	if bareSeconds.MatchString(d) {
		d += "s"
	}
	if !durationText.MatchString(d) {
		c.problem(a.at(key), fmt.Sprintf("%q is not a time such as 30 (seconds) or \"5m\"", text))
		return
	}
	health[field] = d
}
