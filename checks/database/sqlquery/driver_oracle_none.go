//go:build !oracle

package sqlquery

func oracleDriver() *dialect { return nil }
