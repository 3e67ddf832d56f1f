/// Licence notes that travel with pictures taken from packages.
package enum DataLicences {
    package static let notoEmoji = """
        ## Noto Color Emoji

        Pictures taken from the font Noto Color Emoji (Debian package fonts-noto-color-emoji), copyright 2013-2017 Google Inc.
        and Arjen Nienhuis, licensed under the SIL Open Font License, version 1.1 (https://openfontlicense.org). Names come
        from the Unicode Character Database, copyright Unicode, Inc., under the Unicode License.

        """

    package static let gnomeIcons = """
        ## GNOME icon theme

        Pictures taken from gnome-icon-theme (Debian package of that name), copyright 2002-2008 Andreas Nilsson, Hylke Bons,
        Jakub Steiner, Josef Vybíral, Lapo Calamandrei, Luca Ferretti, Ricardo González, Riccardo Buzzotta, Rodney Dawes,
        Tuomas Kuosmanen and Ulisse Perusin, licensed under the GNU General Public License, version 2 or later
        (https://www.gnu.org/licenses/), scaled and laid on white. They are data beside the program, not part of it.

        """
}
