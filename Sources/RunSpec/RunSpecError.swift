/// What a parameter table, a job or an attempt folder refuses.
package struct RunSpecError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// A parameter name the table does not hold.
        case unknownParameter
        /// A value of the wrong type, outside its range, or impossible together with another.
        case badParameter
        /// A line or file of an attempt folder that does not hold what it should.
        case badRecord
    }

    package let code: Code
    package let message: String
    /// The parameter concerned, where there is one.
    package let parameter: String?

    package init(code: Code, message: String, parameter: String? = nil) {
        self.code = code
        self.message = message
        self.parameter = parameter
    }

    package var description: String { message }
}
