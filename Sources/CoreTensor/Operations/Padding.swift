/// Zeros around an image, in pixels.
package struct Padding: Equatable, Sendable {
    package var top, left, bottom, right: Int

    package init(_ all: Int) { self.init(top: all, left: all, bottom: all, right: all) }

    package init(top: Int, left: Int, bottom: Int, right: Int) {
        (self.top, self.left, self.bottom, self.right) = (top, left, bottom, right)
    }
}
