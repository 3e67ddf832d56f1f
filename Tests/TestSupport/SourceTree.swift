package import Foundation

/// The checkout that the tests were compiled from.
package enum SourceTree {
    package static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A file or folder of the checkout.
    package static func path(_ relative: String) -> String { root.appending(path: relative).path }
}
