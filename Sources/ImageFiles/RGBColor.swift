/// A colour of eight bits a channel, gamma-encoded (sRGB) as it stands in files.
package struct RGBColor: Equatable, Hashable, Sendable {
    package var red: UInt8
    package var green: UInt8
    package var blue: UInt8

    package init(red: UInt8, green: UInt8, blue: UInt8) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    package static let white = RGBColor(red: 255, green: 255, blue: 255)
    package static let black = RGBColor(red: 0, green: 0, blue: 0)
}
