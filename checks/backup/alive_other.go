//go:build !unix

package backup

// alive reports whether a process of this number runs here: not known.
func alive(int) bool { return true }
