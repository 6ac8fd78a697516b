// Package docs keeps README and docs honest: every command in them is run, or excused with a reason; links lead somewhere; and what
// the architecture page says of imports and functions is so. It holds tests alone.
package docs
