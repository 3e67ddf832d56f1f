import ArgumentParser

/// An adapter file with its strength, as `FILE` or `FILE:0.8` on the command line.
struct AdapterReference: ExpressibleByArgument {
    let path: String
    let strength: Float

    init?(argument: String) {
        if let colon = argument.lastIndex(of: ":"), let strength = Float(argument[argument.index(after: colon)...]) {
            path = String(argument[..<colon])
            self.strength = strength
        } else {
            path = argument
            strength = 1
        }
        if path.isEmpty { return nil }
    }
}
