import ArgumentParser
import RunSpec

/// A picture's size, as `SIDE` or `WIDTHxHEIGHT` on the command line.
struct ImageSize: ExpressibleByArgument {
    let pixels: PixelSize

    init?(argument: String) {
        let sides = argument.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...2).contains(sides.count), let width = sides[0], let height = sides[sides.count - 1],
            (1...16384).contains(width), (1...16384).contains(height)
        else { return nil }
        pixels = PixelSize(width: width, height: height)
    }
}
