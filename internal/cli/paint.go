package cli

const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint colours a text where the output takes colours.
func (p *program) paint(colour, text string) string {
	if !p.colour() {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
