/** The page's style sheet, imported as text. */
declare const text: string
export default text
