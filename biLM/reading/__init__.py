"""How the network reads texts fast, with the same bits in any company."""
