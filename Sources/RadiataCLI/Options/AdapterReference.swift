import ArgumentParser

/// An adapter with its strength, as `FILE`, `FOLDER` or `FILE:0.8` on the command line.
package struct AdapterReference: ExpressibleByArgument {
    package let path: String
    /// As it was typed: 0.8 is not the Float next to it.
    package let strength: Double

    package init?(argument: String) {
        if let colon = argument.lastIndex(of: ":"), let strength = Double(argument[argument.index(after: colon)...]),
            strength.isFinite
        {
            path = String(argument[..<colon])
            self.strength = strength
        } else {
            path = argument
            strength = 1
        }
        if path.isEmpty { return nil }
    }
}
