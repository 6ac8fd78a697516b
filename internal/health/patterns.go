package health

import (
	"slices"
	"strings"
)

// Layer is one of several checks of a service, from outside in: the unit, the answer to a client, the data behind it.
type Layer struct {
	// Name is one of the Layers below, or "own" for the service's own check.
	Name  string
	Check Check
}

// The layers, in the order in which they are listed.
const (
	LayerSystemd    = "systemd"
	LayerHTTP       = "http"
	LayerTCP        = "tcp"
	LayerDatabase   = "database"
	LayerFilesystem = "filesystem"
	LayerNetwork    = "network"
	// LayerOwn is the check that the manifest gives.
	LayerOwn = "own"
)

// Pattern is what is known of a common service: how to see that it is well.
type Pattern struct {
	// Names that a service of this kind goes by. A service named NAME, NAME-x or x-NAME is one.
	Names []string
	// Layers in the order in which they are tried as the only check.
	Layers []Layer
}

// command makes the layer of a command, which every pattern has written itself.
func command(layer, text string) Layer {
	c, err := Parse(text)
	if err != nil {
		panic("a pattern of ours cannot be read: " + err.Error())
	}
	return Layer{Name: layer, Check: c}
}

// units is the layer of systemd units that must all be active.
func units(names ...string) Layer {
	var parts []string
	for _, name := range names {
		parts = append(parts, "systemctl is-active --quiet "+name)
	}
	return command(LayerSystemd, strings.Join(parts, " && "))
}

// writable is the layer of a folder that the service keeps its data in: it is there, and not on a disk that is full or read-only.
func writable(folder string) Layer {
	return command(LayerFilesystem, "test -d "+folder+" && touch "+folder+"/.nixmox-health && rm -f "+folder+"/.nixmox-health")
}

func resolves(name string) Layer {
	return command(LayerNetwork, "getent hosts "+name+" >/dev/null")
}

// The seed's library, written down anew: the ports and paths are those of the NixOS modules.
var patterns = []Pattern{
	{Names: []string{"postgresql", "postgres"}, Layers: []Layer{
		units("postgresql"), command(LayerTCP, "tcp:localhost:5432"), command(LayerDatabase, "pg_isready -q -h localhost"), writable("/var/lib/postgresql"),
	}},
	{Names: []string{"mysql", "mariadb"}, Layers: []Layer{
		units("mysql"), command(LayerTCP, "tcp:localhost:3306"), command(LayerDatabase, "mysqladmin ping --silent"), writable("/var/lib/mysql"),
	}},
	{Names: []string{"redis", "valkey"}, Layers: []Layer{
		units("redis"), command(LayerTCP, "tcp:localhost:6379"), command(LayerDatabase, "test \"$(redis-cli ping)\" = PONG"),
	}},
	{Names: []string{"caddy"}, Layers: []Layer{
		units("caddy"), command(LayerHTTP, "http://localhost:2019/config/"), command(LayerTCP, "tcp:443"), writable("/var/lib/caddy"),
	}},
	{Names: []string{"authentik"}, Layers: []Layer{
		command(LayerHTTP, "http://localhost:9000/-/health/ready/"), units("authentik"), command(LayerTCP, "tcp:9000"),
	}},
	{Names: []string{"guacamole"}, Layers: []Layer{
		units("tomcat", "guacamole-server"), command(LayerHTTP, "http://localhost:8080/guacamole/"), command(LayerTCP, "tcp:localhost:4822"),
	}},
	{Names: []string{"vaultwarden", "bitwarden"}, Layers: []Layer{
		command(LayerHTTP, "http://localhost:8222/alive"), units("vaultwarden"), writable("/var/lib/vaultwarden"),
	}},
	{Names: []string{"nextcloud"}, Layers: []Layer{
		command(LayerHTTP, "http://localhost/status.php"), units("phpfpm-nextcloud"), command(LayerTCP, "tcp:80"), writable("/var/lib/nextcloud"),
	}},
	{Names: []string{"grafana"}, Layers: []Layer{
		command(LayerHTTP, "http://localhost:3000/api/health"), units("grafana"), command(LayerTCP, "tcp:3000"),
	}},
	{Names: []string{"prometheus", "monitoring"}, Layers: []Layer{
		command(LayerHTTP, "http://localhost:9090/-/healthy"), units("prometheus"), command(LayerTCP, "tcp:9090"),
	}},
	{Names: []string{"mail", "mailserver", "postfix", "dovecot"}, Layers: []Layer{
		units("postfix", "dovecot"), command(LayerTCP, "tcp:25"), resolves("localhost"), writable("/var/spool/postfix"),
	}},
	{Names: []string{"dns", "unbound"}, Layers: []Layer{
		units("unbound"), command(LayerTCP, "tcp:53"), resolves("localhost"),
	}},
	{Names: []string{"jellyfin", "media"}, Layers: []Layer{
		command(LayerHTTP, "http://localhost:8096/health"), units("jellyfin"), command(LayerTCP, "tcp:8096"), writable("/var/lib/jellyfin"),
	}},
}

// Patterns are all that are known, for a table or a script. The caller may change what it gets.
func Patterns() []Pattern {
	all := make([]Pattern, len(patterns))
	for i, p := range patterns {
		all[i] = Pattern{Names: slices.Clone(p.Names), Layers: slices.Clone(p.Layers)}
	}
	return all
}

// PatternFor finds what is known of a service by its name: the whole name first, else one of its ends, set off by a hyphen.
func PatternFor(service string) (Pattern, bool) {
	for _, match := range []func(name string) bool{
		func(name string) bool { return service == name },
		func(name string) bool {
			return strings.HasPrefix(service, name+"-") || strings.HasSuffix(service, "-"+name)
		},
	} {
		for _, p := range Patterns() {
			if slices.ContainsFunc(p.Names, match) {
				return p, true
			}
		}
	}
	return Pattern{}, false
}

// DefaultFor is the check of a service that gives none: the first of its pattern, else a connect to its first TCP port, else that the
// container runs. Without commands inside the container (exec) a layer that needs none is preferred.
func DefaultFor(service string, ports []string, exec bool) Check {
	p, known := PatternFor(service)
	if known && exec {
		return p.Layers[0].Check
	}
	for _, l := range p.Layers {
		if !l.Check.NeedsExec() && !l.Check.PrefersExec() {
			return l.Check
		}
	}
	if check := DefaultCheck(ports); check.Kind != KindRunning || !known {
		return check
	}
	return p.Layers[0].Check // which says that it cannot be run
}

// LayersFor are all the checks of a service: those of its pattern, its own check (nil: none) and its first TCP port, each once.
func LayersFor(service string, own *Check, ports []string) []Layer {
	p, known := PatternFor(service)
	layers := p.Layers
	has := func(c Check) bool { return slices.ContainsFunc(layers, func(l Layer) bool { return l.Check == c }) }
	if own != nil && !has(*own) {
		layers = append(layers, Layer{Name: LayerOwn, Check: *own})
	}
	// A service of no pattern is as well as its port; a pattern knows its own.
	if port := DefaultCheck(ports); port.Kind == KindTCP && !known && !has(port) {
		layers = append(layers, Layer{Name: LayerTCP, Check: port})
	}
	if len(layers) == 0 {
		layers = []Layer{{Name: LayerOwn, Check: Check{Kind: KindRunning}}}
	}
	return layers
}
