//go:build !sqlserver

package sqlquery

func sqlserverDriver() *dialect { return nil }
