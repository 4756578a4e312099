package term

// Style is how a piece of text is set off.
type Style string

// The styles.
const (
	Plain   Style = ""
	Bold    Style = "1"
	Dim     Style = "2"
	Red     Style = "31"
	Green   Style = "32"
	Yellow  Style = "33"
	Magenta Style = "35"
	Cyan    Style = "36"
	RedBold Style = "1;31"
)

// Paint returns s in a style; without colour, s as it is.
func (o Out) Paint(style Style, s string) string {
	if !o.Colour || style == Plain || s == "" {
		return s
	}
	return "\x1b[" + string(style) + "m" + s + "\x1b[0m"
}
