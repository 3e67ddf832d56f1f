/// How a parameter lies in memory compared with the reference libraries' files.
package enum ParameterLayout: Equatable, Sendable {
    /// Memory and file agree.
    case plain
    /// Memory is `[O, KH, KW, I]`, so that channels-last convolution reads rows; the file is
    /// `[O, I, KH, KW]`.
    case convolution
}
